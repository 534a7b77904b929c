"""The load and stress test of a deployment: what it carries, what that costs, and what size follows from it."""
