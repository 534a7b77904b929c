"""What bundles are called on the command line, and where one that is made here is put."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from shared.bundles.folders import MODELS, bundle_folder
from shared.bundles.manifest import MANIFEST
from shared.bundles.references import references_from
from shared.settings import own_models


def folder_of(name: str) -> Path:
    """Return where a bundle lies that was named, or given as a folder.

    Raises:
        click.UsageError: it is a name, and no bundle is called so.
    """
    folder = bundle_folder(name, own_models())
    if Path(name).name == name and not folder.exists():
        there = sorted(path.parent.name for place in (MODELS, own_models()) for path in place.glob(f"*/{MANIFEST}"))
        raise click.UsageError(f"There is no bundle {name}; there are {', '.join(there)}, and any folder as ./FOLDER.")
    return folder


def next_version(name: str) -> str:
    """Return the first number that no bundle of a name has, neither one that ships nor the user's own."""
    number = 1
    while any((place / f"{name}_v{number}" / MANIFEST).exists() for place in (MODELS, own_models())):
        number += 1
    return str(number)


def new_folder(name: str, version: str) -> Path:
    """Return where a new bundle is put: outside of the program, among the user's own."""
    return own_models() / f"{name}_v{version}"


def typed_bundles(bundles: str) -> str:
    """Return entries of ``MODEL_BUNDLE`` as they would be typed, with names where there are some."""
    try:
        places = references_from(bundles)
    except ValueError:
        return bundles
    here = (one if one.is_in_a_bucket else replace(one, location=typed_bundle(Path(one.location))) for one in places)
    return ",".join(map(str, here))


def typed_bundle(folder: Path) -> str:
    """Return what a bundle is called on the command line: by its name where that is found, else by its folder."""
    return folder.name if folder.resolve().parent in (MODELS, own_models().resolve()) else str(folder)
