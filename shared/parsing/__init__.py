"""Reads what people typed, such as values of settings, into values that the code can trust."""
