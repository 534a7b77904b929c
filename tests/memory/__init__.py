"""The ports in memory, held to the same contracts as the real adapters, so that they cannot drift from them."""
