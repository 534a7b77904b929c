"""``bucketlens bundle``."""

from __future__ import annotations

import sys

import click
from rich.table import Table

from shared.bundle import load_bundle
from shared.classify import Classifier
from shared.cli.bundle_import import import_model
from shared.cli.bundle_publish import publish_bundle
from shared.cli.options import checked_bundle, console
from shared.cli.terminal import say, say_json, shown
from shared.errors import InvalidBundle
from shared.manifest import MANIFEST
from shared.settings import MODELS, bundle_folder
from shared.wiring import load_model


@click.group("bundle", short_help="Import, publish, list and check model bundles.")
def command() -> None:
    """Import, publish, list and check model bundles: folders that hold a model and what serving needs to know of it."""


@command.command("list")
def list_bundles() -> None:
    """List the bundles that ship here.

    \b
    Example:
      bucketlens bundle list
    """
    table = Table()
    for column in ("bundle", "labels", "runtime", "accuracy", "digest"):
        table.add_column(column)
    for path in sorted(MODELS.glob(f"*/{MANIFEST}")):
        bundle = load_bundle(path.parent)
        measured = bundle.manifest.metrics.get("accuracy")
        accuracy = f"{measured:.1%}" if isinstance(measured, float) else ""
        labels = ", ".join(bundle.manifest.labels)
        cells = (path.parent.name, labels, bundle.manifest.runtime, accuracy, bundle.digest[:12])
        table.add_row(*map(shown, cells))
    console.print(table)


@command.command("show")
@click.argument("bundle")
def show_bundle(bundle: str) -> None:
    """Print a bundle's manifest and digest as JSON.

    \b
    Example:
      bucketlens bundle show flowers_v1 | jq .metrics.accuracy
    """
    loaded = checked_bundle(bundle)
    say_json({"digest": loaded.digest, **loaded.manifest.as_json()}, indent=2)


@command.command("check")
@click.argument("bundle")
def check_bundle(bundle: str) -> None:
    """Check a bundle whole: files, digests, labels, and the model's input and output; run it once.

    Exit codes: 0 it can be served; 1 it cannot, and every fault is named.

    \b
    Example:
      bucketlens bundle check ./my_bundle
    """
    try:
        loaded = load_bundle(bundle_folder(bundle))
        Classifier(loaded, load_model(loaded, threads=1)).warm_up()
    except InvalidBundle as error:
        for fault in error.faults:
            say(f"✗ {fault}", err=True)
        sys.exit(1)
    say(f"✓ {loaded.manifest.name} version {loaded.manifest.version} can be served; digest {loaded.digest}")


command.add_command(import_model)
command.add_command(publish_bundle)
