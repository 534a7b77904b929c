"""``bucketlens classify``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import click
from rich.progress import track
from rich.table import Table

from shared.classify import Classifier
from shared.cli.explained import explain_files, heat_maps
from shared.cli.options import bundle_option, checked_bundle, console, remarks
from shared.cli.terminal import say_json, shown
from shared.errors import InvalidBundle
from shared.files import files_under
from shared.folder import Answer, classify_files, usable_cores
from shared.wiring import load_model


@click.command("classify", short_help="Classify files, without any cloud.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@bundle_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, in order.")
@click.option(
    "--explain",
    "place",
    type=click.Path(path_type=Path),
    help="Also show where the model sees the label: a heat map over the picture, written to this file; of several "
    "files, to this folder.",
)
@click.option("--label", help="With --explain: the label to look for. Left out it is the one that is given.")
def command(paths: tuple[Path, ...], bundle: str, as_json: bool, place: Path | None, label: str | None) -> None:
    """Classify files and whole folders on this machine, through the same steps as in the cloud.

    A line of --json holds path, label, score, candidates (every label, best first) and needs_review, with --explain
    also explained (label, score, method and heat_map, its file); for a file that cannot be classified path and error.

    The heat map is the model's own where its bundle has one (cam). For other models parts of the picture are covered
    one after the other, which runs the model 65 times a picture (occlusion).

    Exit codes: 0 every file was classified; 1 some could not be; 2 the bundle cannot be used.

    \b
    Example:
      bucketlens classify photo.jpg holiday/
      bucketlens classify --explain why.png photo.jpg
      bucketlens classify --explain why/ --label tulips holiday/
      bucketlens classify holiday/ --json | jq -r 'select(.needs_review) | .path'
    """
    loaded = checked_bundle(bundle)
    try:
        classifier = Classifier(loaded, load_model(loaded, usable_cores()))
    except InvalidBundle as error:
        raise click.UsageError(str(error)) from error
    files = [file for path in paths for file in files_under(path)]
    if label is not None and place is None:
        raise click.UsageError("--label says what to look for with --explain, which is missing.")
    maps = None if place is None else heat_maps(place, paths, files, label, loaded.manifest.labels)
    answers = classify_files(files, classifier) if maps is None else iter(explain_files(files, classifier, maps))
    try:
        failed = _print_lines(answers) if as_json else _print_table(answers, len(files))
    except BrokenProcessPool as error:
        raise click.ClickException(
            "A process was killed while it classified, most likely because the machine had no memory left; "
            "the files after the last that was told of were not classified."
        ) from error
    sys.exit(1 if failed else 0)


def _print_lines(answers: Iterator[Answer]) -> int:
    failed = 0
    for answer in answers:
        failed += "error" in answer
        say_json(answer)
    return failed


def _print_table(answers: Iterator[Answer], total: int) -> int:
    table = Table()
    for column in ("path", "label", "score", ""):
        table.add_column(column, overflow="fold")
    failed = 0
    for answer in track(answers, "Classifying", total, console=remarks, transient=True):
        if "error" in answer:
            failed += 1
            table.add_row(shown(answer["path"]), "", "", f"[red]{shown(answer['error']['message'])}[/]")
        else:
            review = "[yellow]needs review[/]" if answer["needs_review"] else ""
            table.add_row(shown(answer["path"]), shown(answer["label"]), f"{answer['score']:.3f}", review)
    console.print(table)
    return failed
