"""Bundles to release: the one that ships under another version, and the same with its labels mixed up."""

from __future__ import annotations

from pathlib import Path

from tests.bundles.copies import write_bundle


def write_good_bundle(folder: Path) -> Path:
    """Copy the bundle that ships: the same model, whose digest is another since its version is."""
    return write_bundle(folder, "1.1")


def write_worse_bundle(folder: Path) -> Path:
    """Copy the bundle that ships with every label moved by one: it is as quick and as sure, and always wrong."""
    return write_bundle(folder, "1.2", turn=1)
