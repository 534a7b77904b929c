"""``bucketlens bundle``."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.table import Table

from shared.bundles.bundle import load_bundle
from shared.bundles.folders import MODELS
from shared.bundles.manifest import MANIFEST
from shared.cli.bundle_import import import_model
from shared.cli.bundle_names import folder_of
from shared.cli.bundle_profile import make_profile
from shared.cli.bundle_publish import publish_bundle
from shared.cli.options import checked_bundle, console
from shared.cli.terminal import say, say_json, shown
from shared.errors import InvalidBundle
from shared.inference.classifier import Classifier
from shared.settings import own_models
from shared.training.silence import silence
from shared.wiring import load_model


@click.group("bundle", short_help="Import, publish, list and check model bundles.")
def command() -> None:
    """Import, publish, list and check model bundles. A bundle is a folder with a model and its manifest."""


@command.command("list", short_help="List the shipped bundles and your own.")
def list_bundles() -> None:
    """List the bundles that commands accept by name: the shipped ones, and those of `bundle import` and `train`.

    \b
    Example:
      bucketlens bundle list
    """
    for title, folder in (("Shipped", MODELS), ("Your own", own_models())):
        bundles = sorted(path.parent for path in folder.glob(f"*/{MANIFEST}"))
        if bundles:
            console.print(_table(f"{title}, in {folder}", bundles))
        else:
            console.print(f"{title}: none in {shown(folder)} yet", highlight=False)


def _table(title: str, folders: list[Path]) -> Table:
    table = Table(title=shown(title), title_justify="left")
    for column in ("bundle", "labels", "runtime", "accuracy", "digest"):
        table.add_column(column, overflow="fold")
    for folder in folders:
        table.add_row(shown(folder.name), *_facts(folder))
    return table


def _facts(folder: Path) -> tuple[str, ...]:
    """Return the cells of a bundle's row; of an invalid bundle its faults."""
    try:
        bundle = load_bundle(folder)
    except InvalidBundle as error:
        return f"[red]cannot be used: {shown('; '.join(error.faults))}[/]", "", "", ""
    measured = bundle.manifest.metrics.get("accuracy")
    accuracy = f"{measured:.1%}" if isinstance(measured, float) else ""
    cells = (", ".join(bundle.manifest.labels), bundle.manifest.runtime, accuracy, bundle.digest[:12])
    return tuple(map(shown, cells))


@command.command("show", short_help="Print a manifest and its digest as JSON.")
@click.argument("bundle")
def show_bundle(bundle: str) -> None:
    """Print a bundle's manifest and digest as JSON.

    \b
    Example:
      bucketlens bundle show flowers_v1 | jq .metrics.accuracy
    """
    loaded = checked_bundle(bundle)
    say_json({"digest": loaded.digest, **loaded.manifest.as_json()}, indent=2)


@command.command("check", short_help="Check a whole bundle and run its model once.")
@click.argument("bundle")
def check_bundle(bundle: str) -> None:
    """Check a whole bundle (files, digests, labels, the model's input and output) and run its model once.

    Exit codes: 0 the bundle can be served; 1 it cannot, and every fault is named.

    \b
    Example:
      bucketlens bundle check ./my_bundle
    """
    try:
        loaded = load_bundle(folder_of(bundle))
        with silence():
            Classifier(loaded, load_model(loaded, threads=1)).warm_up()
    except InvalidBundle as error:
        for fault in error.faults:
            say(f"✗ {fault}", err=True)
        sys.exit(1)
    say(f"✓ {loaded.manifest.name} version {loaded.manifest.version} can be served; digest {loaded.digest}")


command.add_command(import_model)
command.add_command(make_profile)
command.add_command(publish_bundle)
