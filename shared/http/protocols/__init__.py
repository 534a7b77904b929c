"""The protocols that clients speak: each in one module that reads its requests and writes its responses."""
