"""What clients speak: one module a protocol, its requests read and its responses written there."""
