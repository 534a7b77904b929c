"""Emulators of Google Cloud services: servers on loopback that do not import the product."""
