"""The laptop's Cloud Storage: a server of ours that keeps objects as files and what is known of them in SQLite.

An object's bytes lie in a file whose name is made here, so no name that a client gives reaches the file system. What a
request demands of an object is checked in the transaction that changes it. An upload that was acknowledged is on disk.
Faults can be injected here.
"""
