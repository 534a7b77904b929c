"""Releases: canary, check, promote, roll back."""
