"""Installing, carried out against a package index that is of a later day than the lock files."""
