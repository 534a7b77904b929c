"""Hostile input: one table of what is sent, to which endpoint, and its exact outcome.

``table`` is the table, ``pictures`` and ``texts`` make what is sent, ``endpoints`` send it to the real processes and
return its outcome in a few words. docs/hostile-input.md is written from the same table.
"""
