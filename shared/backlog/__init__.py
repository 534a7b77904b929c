"""Sweeps: the uploads that one processes, their attempt markers, and the graceful shutdown of its process."""
