"""The site of docs/: built, and checked as a reader's browser would see it."""
