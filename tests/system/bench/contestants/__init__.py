"""What people would use instead: each server in an environment of its own, with Keras and with the same LiteRT model.

Each file is what its own tutorial leads to. They run with this folder as the working directory, and are told by
``BUNDLE`` where the model lies and by ``RUNTIME`` which of the two models to load.
"""
