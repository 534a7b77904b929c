"""The protocols of the HTTPS endpoint, spoken by the clients that people have, to the real process."""
