"""Servers on loopback that answer as Google Cloud does. They import nothing of the product."""
