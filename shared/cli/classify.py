"""``bucketlens classify``."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.progress import track
from rich.table import Table

from shared.classify import Classifier
from shared.cli.options import bundle_option, checked_bundle, console, remarks
from shared.decode import Limits, check_size, decode
from shared.errors import InvalidBundle, Permanent
from shared.files import files_under
from shared.wiring import load_model


@click.command("classify", short_help="Classify files, without any cloud.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@bundle_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, in order.")
def command(paths: tuple[Path, ...], bundle: str, as_json: bool) -> None:
    """Classify files and whole folders on this machine, through the same steps as in the cloud.

    A line of --json holds path, label, score, candidates (every label, best first) and needs_review; for a file
    that cannot be classified path and error.

    Exit codes: 0 every file was classified; 1 some could not be; 2 the bundle cannot be used.

    \b
    Example:
      bucketlens classify photo.jpg holiday/
      bucketlens classify holiday/ --json | jq -r 'select(.needs_review) | .path'
    """
    threads = os.cpu_count() or 1
    loaded = checked_bundle(bundle)
    try:
        classifier = Classifier(loaded, load_model(loaded, threads))
    except InvalidBundle as error:
        raise click.UsageError(str(error)) from error
    files = [file for path in paths for file in files_under(path)]
    with ThreadPoolExecutor(threads) as pool:
        answers = pool.map(lambda file: _answer(classifier, file), files)
        failed = _print_lines(answers) if as_json else _print_table(answers, len(files))
    sys.exit(1 if failed else 0)


def _answer(classifier: Classifier, path: Path) -> dict[str, Any]:
    limits = Limits()
    try:
        check_size(path.stat().st_size, limits)
        shrink_to_px = classifier.bundle.manifest.input.long_edge_px
        image = decode(path.read_bytes(), limits, shrink_to_px=shrink_to_px)
    except Permanent as error:
        return {"path": str(path), "error": {"reason": error.reason, "message": str(error)}}
    except OSError as error:
        return {"path": str(path), "error": {"reason": "unreadable", "message": str(error.strerror)}}
    said = classifier.classify(image.pixels)
    return {
        "path": str(path),
        "label": said.label,
        "score": said.score,
        "candidates": [asdict(candidate) for candidate in said.candidates],
        "needs_review": said.needs_review,
    }


def _print_lines(answers: Iterator[dict[str, Any]]) -> int:
    failed = 0
    for answer in answers:
        failed += "error" in answer
        click.echo(json.dumps(answer, ensure_ascii=False))
    return failed


def _print_table(answers: Iterator[dict[str, Any]], total: int) -> int:
    table = Table()
    for column in ("path", "label", "score", ""):
        table.add_column(column, overflow="fold")
    failed = 0
    for answer in track(answers, "Classifying", total, console=remarks, transient=True):
        if "error" in answer:
            failed += 1
            table.add_row(answer["path"], "", "", f"[red]{answer['error']['message']}[/]")
        else:
            review = "[yellow]needs review[/]" if answer["needs_review"] else ""
            table.add_row(answer["path"], answer["label"], f"{answer['score']:.3f}", review)
    console.print(table)
    return failed
