"""Image files and pixels: decode bytes within limits, share memory between decodes, strip metadata."""
