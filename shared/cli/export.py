"""``bucketlens export``."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import click
from rich.progress import track

from shared.cli.options import Deployment, deployment_options, remarks
from shared.errors import BadRequest, Permanent, Transient
from shared.images.decode import Limits
from shared.operations.results import Saved, Selection, results, save_pictures, write_csv


@click.command("export", short_help="Export results as a CSV file, or the pictures by label.")
@click.argument("target", type=click.Path(path_type=Path, allow_dash=True))
@deployment_options
@click.option("--model", help="Export only the results of this model.")
@click.option("--labelled", is_flag=True, help="Export only pictures that a person has labelled.")
def command(target: Path, deployment: Deployment, model: str | None, labelled: bool) -> None:
    """Write results to TARGET: a .csv file, or the pictures to a folder with a sub-folder for each label.

    There is one result for each picture, however often it was uploaded. Its final label is the one that a person gave,
    else the model's. A spreadsheet opens the CSV file directly (UTF-8 with a byte order mark); - writes it to the
    terminal.

    An export to the same folder again fetches only new pictures.

    Exit codes: 0 everything is written; 1 something is missing; 2 the arguments are invalid.

    \b
    Example:
      bucketlens export results.csv
      bucketlens export garden/ --model flowers --labelled
      bucketlens export results.csv --project my-project
    """
    try:
        rows = results(deployment.warehouse, Selection(model, labelled))
        missing = _as_csv(rows, target) if _is_csv(target) else _as_pictures(rows, deployment, target)
    except BadRequest as error:
        raise click.UsageError(str(error)) from error
    except (Transient, Permanent) as error:
        remarks.print(str(error), style="red", markup=False)
        sys.exit(1)
    except OSError as error:
        raise click.UsageError(f"{target} cannot be written: {error.strerror}.") from error
    sys.exit(1 if missing else 0)


def _is_csv(target: Path) -> bool:
    return str(target) == "-" or target.suffix.lower() == ".csv"


def _as_csv(rows: list[dict[str, Any]], target: Path) -> int:
    if str(target) == "-":
        write_csv(rows, sys.stdout)
        return 0
    with target.open("w", encoding="utf-8-sig", newline="") as file:
        write_csv(rows, file)
    remarks.print(f"{len(rows):,} results written to {target}", markup=False, highlight=False)
    return 0


def _as_pictures(rows: list[dict[str, Any]], deployment: Deployment, target: Path) -> int:
    counts: Counter[Saved] = Counter()
    saving = save_pictures(rows, deployment.store, target, Limits().max_bytes)
    try:
        for name, outcome in track(saving, "Saving", len(rows), console=remarks, transient=True):
            counts[outcome] += 1
            if outcome is Saved.MISSING:
                remarks.print(f"{name}: no longer in the archive", style="red", markup=False)
    finally:
        written, present, missing = (counts[outcome] for outcome in Saved)
        remarks.print(
            f"{written:,} pictures written to {target}, {present:,} were there, {missing:,} are gone from the archive",
            markup=False,
            highlight=False,
        )
    return missing
