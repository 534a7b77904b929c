"""Proofs that need photographs: commands that take data, run by hand, with their results written down in docs/."""
