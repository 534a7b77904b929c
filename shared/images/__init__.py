"""Pixels and picture files: decode bytes within limits, share memory between decodes, strip metadata."""
