"""Tests of the HTTPS protocols: real clients against the real process."""
