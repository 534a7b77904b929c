"""The names of bundles on the command line, and the folders of new ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from shared.bundles.folders import MODELS, bundle_folder
from shared.bundles.manifest import MANIFEST
from shared.bundles.references import references_from
from shared.settings import own_models


def folder_of(name: str) -> Path:
    """Return the folder of a bundle, which is given by name or as a folder.

    Raises:
        click.UsageError: there is no bundle of that name.
    """
    folder = bundle_folder(name, own_models())
    if Path(name).name == name and not folder.exists():
        names = sorted(path.parent.name for root in (MODELS, own_models()) for path in root.glob(f"*/{MANIFEST}"))
        raise click.UsageError(f"There is no bundle {name}; choose {', '.join(names)}, or a folder as ./FOLDER.")
    return folder


def next_version(name: str) -> str:
    """Return the first version number that no bundle of a name has, shipped or the user's own."""
    number = 1
    while any((root / f"{name}_v{number}" / MANIFEST).exists() for root in (MODELS, own_models())):
        number += 1
    return str(number)


def new_folder(name: str, version: str) -> Path:
    """Return the folder for a new bundle, among the user's own."""
    return own_models() / f"{name}_v{version}"


def typed_bundles(bundles: str) -> str:
    """Return a value of ``MODEL_BUNDLE`` as a user would type it, with bundle names instead of folders."""
    try:
        references = references_from(bundles)
    except ValueError:
        return bundles
    typed = (
        reference if reference.is_in_a_bucket else replace(reference, location=typed_bundle(Path(reference.location)))
        for reference in references
    )
    return ",".join(map(str, typed))


def typed_bundle(folder: Path) -> str:
    """Return a bundle as a user would type it: by name if the name is found, else by folder."""
    return folder.name if folder.resolve().parent in (MODELS, own_models().resolve()) else str(folder)
