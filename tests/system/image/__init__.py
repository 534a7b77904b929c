"""Prove functions/Dockerfile without an engine: its steps are performed in a scratch folder, and the result runs."""
