"""The page for people: a user drops pictures on it and sees their predictions."""
