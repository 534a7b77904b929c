"""The library that the functions share. It imports nothing, so that a function loads only what it uses.

The story of one image, in reading order: ``pipeline`` tells it in a screenful; ``receive``, ``decode``,
``classify``, ``archive`` and ``record`` are its steps; ``wiring`` connects them to the adapters.
"""
