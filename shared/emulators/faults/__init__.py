"""Fault injection and a record of every request, shared by the object store and the warehouse."""
