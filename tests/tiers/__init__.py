"""Tiers: rules decide which command runs a test. They are in ``rules``."""
