"""The page for people: a browser drops pictures on it and sees what the model says."""
