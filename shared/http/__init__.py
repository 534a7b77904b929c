"""HTTPS: the router creates a context for each request; a protocol turns it into calls of the pipeline and back."""
