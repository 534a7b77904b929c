"""The option ``--model-path``: import the user's own model before the local cloud starts."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import click

from shared.bundles.bundle import digest_of
from shared.bundles.manifest import MANIFEST
from shared.cli.bundle_import import import_model, imported
from shared.cli.import_request import name_of

model_path_option = click.option(
    "--model-path",
    type=click.Path(exists=True, path_type=Path),
    envvar="MODEL_PATH",
    show_envvar=True,
    help="Your own model, as for `bundle import`: imported before the start, and served unless --bundle is given. "
    "Set the options of the import as variables: MODEL_LABELS, MODEL_SCALING, …",
)


def bundle_of(path: Path, folder: Path) -> Path:
    """Return the bundle of a model; import the model unless the same file was imported with the same options.

    Args:
        path: the model file or folder.
        folder: the folder of the local cloud; the bundle is stored in its sub-folder ``models``.

    Raises:
        click.UsageError: the model cannot be imported; the message names a missing variable.
    """
    try:
        options = dict(import_model.make_context("bucketlens bundle import", [str(path)]).params)
        options.pop("path")
        content = json.dumps([digest_of(path), options], default=str, sort_keys=True)
        key = hashlib.sha256(content.encode()).hexdigest()[:12]
        out = folder / "models" / f"{options['name'] or name_of(path)}_v{options['version'] or key}"
        if not (out / MANIFEST).exists():
            imported(path, {**options, "out": out})
    except click.UsageError as error:
        advice = "Set options of `bucketlens bundle import` as variables: MODEL_LABELS for --labels, MODEL_SCALING, …"
        raise click.UsageError(f"MODEL_PATH: {error.format_message()}\n{advice}") from error
    return out
