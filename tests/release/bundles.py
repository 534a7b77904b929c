"""Bundles to release: the default bundle under another version, and the same with its labels shifted."""

from __future__ import annotations

from pathlib import Path

from tests.bundles.copies import write_bundle


def write_good_bundle(folder: Path) -> Path:
    """Copy the default bundle under another version, which gives it another digest."""
    return write_bundle(folder, "1.1")


def write_worse_bundle(folder: Path) -> Path:
    """Copy the default bundle with every label shifted by one: as fast and as certain, and always wrong."""
    return write_bundle(folder, "1.2", turn=1)
