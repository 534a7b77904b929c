"""Headers of image files: the format, the decoded size, and the cost of decoding."""
