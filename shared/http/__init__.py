"""HTTPS: a router gives each request its context, and a protocol turns it into a call of the pipeline and back."""
