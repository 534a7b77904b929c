"""The folders of bundles on this machine: the bundles that ship, and the user's own."""

from __future__ import annotations

from pathlib import Path

MODELS = Path(__file__).parents[1] / "models"
"""The bundles that ship."""


def bundle_folder(name: str, own_models: Path) -> Path:
    """Return the folder of the shipped bundle of a name, else of the user's own, else ``name`` as a path."""
    named = (parent / name for parent in (MODELS, own_models) if "/" not in name)
    return next((folder for folder in named if folder.is_dir()), Path(name))
