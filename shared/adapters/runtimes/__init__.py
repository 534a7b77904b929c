"""Runtimes of models, a module each: ``open_model`` returns a ``ports.Model``, and a manifest names the module."""
