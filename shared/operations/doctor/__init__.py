"""Check a Google Cloud project before an apply: what will fail, and what to do. Nothing is changed."""
