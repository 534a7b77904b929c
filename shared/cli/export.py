"""``bucketlens export``."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import click
from rich.progress import track

from shared.cli.options import Places, places_options, remarks
from shared.errors import BadRequest, Permanent, Transient
from shared.images.decode import Limits
from shared.operations.results import Saved, Selection, results, save_pictures, write_csv


@click.command("export", short_help="Take results home: a CSV file, or the pictures by label.")
@click.argument("target", type=click.Path(path_type=Path, allow_dash=True))
@places_options
@click.option("--model", help="Only this model's results.")
@click.option("--labelled", is_flag=True, help="Only pictures that a person has labelled.")
def command(target: Path, places: Places, model: str | None, labelled: bool) -> None:
    """Write the results to a file whose name ends in .csv, or the pictures into a folder with a sub-folder a label.

    There is one result for each picture, however often it was uploaded. Its final label is the one that a person gave,
    else the model's. The CSV file opens in a spreadsheet as it is (UTF-8 with a byte order mark); - writes it to the
    terminal.

    A folder can be exported to again: pictures that it has are not fetched again.

    Exit codes: 0 all is written; 1 something is missing; 2 it cannot be carried out as typed.

    \b
    Example:
      bucketlens export results.csv
      bucketlens export garden/ --model flowers --labelled
      bucketlens export results.csv --project my-project
    """
    try:
        rows = results(places.warehouse, Selection(model, labelled))
        missing = _as_csv(rows, target) if _is_csv(target) else _as_pictures(rows, places, target)
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


def _as_pictures(rows: list[dict[str, Any]], places: Places, target: Path) -> int:
    fates: Counter[Saved] = Counter()
    saving = save_pictures(rows, places.store, target, Limits().max_bytes)
    try:
        for name, fate in track(saving, "Saving", len(rows), console=remarks, transient=True):
            fates[fate] += 1
            if fate is Saved.MISSING:
                remarks.print(f"{name}: no longer in the archive", style="red", markup=False)
    finally:
        written, there, missing = (fates[fate] for fate in Saved)
        remarks.print(
            f"{written:,} pictures written to {target}, {there:,} were there, {missing:,} are gone from the archive",
            markup=False,
            highlight=False,
        )
    return missing
