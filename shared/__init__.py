"""The library that the functions share. It imports nothing, so that a function loads only what it uses.

To follow one image, read ``pipeline`` first; ``receive``, ``decode``, ``classify``, ``archive`` and ``record`` are its
steps; ``wiring`` connects them to the adapters.
"""
