"""What stands before the laptop's object store: it enforces what Cloud Storage guarantees and fake-gcs-server ignores.

Every request that names an object holds that object's lock until the store has answered, so a generation that was
checked is the generation that is read, replaced or deleted. Buckets can keep versions, which the store's files cannot.
Faults can be injected here.
"""
