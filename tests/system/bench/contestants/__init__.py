"""What people would use instead: each server in an environment of its own, with Keras and with the same LiteRT model.

Each file is what its own tutorial leads to. They run with this folder as the working directory;
``BUNDLE`` names the folder of the model, and ``RUNTIME`` which of the two models to load.
"""
