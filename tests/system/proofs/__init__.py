"""Proofs by photographs: commands that take a folder of pictures, which the repository does not hold."""
