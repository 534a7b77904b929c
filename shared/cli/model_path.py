"""``MODEL_PATH``: a model of somebody's own, imported once before anything is served, never at a request."""

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
    help="A model of your own, as `bundle import` takes it: imported before the start, and served unless --bundle is "
    "given. Its options are variables: MODEL_LABELS, MODEL_SCALING, …",
)


def bundle_of(path: Path, folder: Path) -> Path:
    """Return the bundle of a model, which is imported unless that was done before with the same file and options.

    Args:
        path: of the model.
        folder: the local cloud's; the bundle lies in it under ``models``.

    Raises:
        click.UsageError: the model cannot be imported as it is; the sentence names the variable that is missing.
    """
    try:
        options = dict(import_model.make_context("bucketlens bundle import", [str(path)]).params)
        options.pop("path")
        chosen = json.dumps([digest_of(path), options], default=str, sort_keys=True)
        key = hashlib.sha256(chosen.encode()).hexdigest()[:12]
        out = folder / "models" / f"{options['name'] or name_of(path)}_v{options['version'] or key}"
        if not (out / MANIFEST).exists():
            imported(path, {**options, "out": out})
    except click.UsageError as error:
        advice = "Give options of `bucketlens bundle import` as variables: MODEL_LABELS for --labels, MODEL_SCALING, …"
        raise click.UsageError(f"MODEL_PATH: {error.format_message()}\n{advice}") from error
    return out
