"""Reports that people read: facts become a document, and a document HTML and Markdown. Read document.py first."""
