"""Faults on request, and a record of every request: the same before the object store and before the warehouse."""
