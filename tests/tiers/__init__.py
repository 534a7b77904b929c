"""Tiers: which command runs a test, by rule. ``rules`` has the rules."""
