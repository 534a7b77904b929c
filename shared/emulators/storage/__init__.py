"""The Cloud Storage emulator, called the object store: a server with objects in files and their metadata in SQLite.

An object's bytes are in a file whose name the store generates, so no client's name reaches the file system. A request's
preconditions are checked in the transaction that changes the object. An acknowledged upload is on disk. Faults can be
injected.
"""
