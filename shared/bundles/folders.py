"""Where bundles lie on this machine: those that ship, and those of the user."""

from __future__ import annotations

from pathlib import Path

MODELS = Path(__file__).parents[1] / "models"
"""The bundles that ship."""


def bundle_folder(name: str, own_models: Path) -> Path:
    """Return where a bundle lies: by its name, one that ships here or is the user's own, else a folder as given."""
    named = (place / name for place in (MODELS, own_models) if "/" not in name)
    return next((folder for folder in named if folder.is_dir()), Path(name))
