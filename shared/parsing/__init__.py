"""Parse text that people typed, such as values of settings, into validated values."""
