"""Somebody's model becomes a bundle. Never imported by serving; TensorFlow is imported where a file needs it."""
