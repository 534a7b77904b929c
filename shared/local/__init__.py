"""The laptop's cloud: an object store, an event relay and a warehouse around the same functions as in production."""
