"""The sweep: its uploads, their attempt markers, and the graceful shutdown of its process. Read sweep.py first."""
