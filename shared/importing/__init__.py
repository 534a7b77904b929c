"""Import a user's own model as a bundle. Serving never imports this; TensorFlow is imported where a file needs it."""
