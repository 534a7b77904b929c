"""Hostile input: one table of what is sent, through which door, and what exactly comes of it.

``table`` is the table, ``pictures`` and ``texts`` make what is sent, ``doors`` send it to the real processes and say in
a few words what came of it. docs/hostile-input.md is written from the same table.
"""
