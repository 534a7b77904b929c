"""Look at a Google Cloud project before an apply: what will bite, and what to do about it. Nothing is changed."""
