"""The protocols that HTTPS callers speak, a module each. All of them ask the same call: images in, predictions out."""
