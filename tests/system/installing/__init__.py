"""Install as documented, from a package index of a later day than the lock files."""
