"""Adapters: the only modules that import the clients of Google Cloud and the model runtimes."""
