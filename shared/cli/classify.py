"""``bucketlens classify``."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TextIO

import click
from rich.progress import track
from rich.table import Table

from shared.cli.classify_files import Answer, classify_files, usable_cores
from shared.cli.explained import explain_files, heat_maps
from shared.cli.options import bundle_option, checked_bundle, console, remarks
from shared.cli.terminal import say_json, shown
from shared.errors import InvalidBundle
from shared.images.files import files_under
from shared.inference.classifier import Classifier
from shared.operations.results import write_csv
from shared.training.silence import silence
from shared.wiring import load_model

CSV_COLUMNS = ("path", "label", "score", "needs_review", "is_unfamiliar", "error")
INTERRUPTED = 130


@click.command("classify", short_help="Classify files, without any cloud.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@bundle_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, in order.")
@click.option(
    "--csv",
    "csv_file",
    type=click.File("w", encoding="utf-8-sig", lazy=True),
    metavar="FILE",
    help="A line a file, as a spreadsheet opens it; - for the terminal.",
)
@click.option(
    "--explain",
    "place",
    type=click.Path(path_type=Path),
    help="Also show where the model sees the label: a heat map over the picture, written to this file; of several "
    "files, to this folder.",
)
@click.option("--label", help="With --explain: the label to look for. Left out it is the one that is given.")
def command(
    paths: tuple[Path, ...],
    bundle: str,
    as_json: bool,
    csv_file: TextIO | None,
    place: Path | None,
    label: str | None,
) -> None:
    """Classify files and whole folders on this machine, through the same steps as in the cloud.

    A line of --json holds path, label, score, candidates (every label, best first), needs_review, is_unfamiliar and
    signals, with --explain also explained (label, score, method and heat_map, its file); for a file that cannot be
    classified path and error.

    A picture is unfamiliar where it is unlike those that the model learned from; null where the bundle has no profile.

    The heat map is the model's own where its bundle has one (cam). For other models parts of the picture are covered
    one after the other, which runs the model 65 times a picture (occlusion).

    A line of --csv holds path, label, score, needs_review, is_unfamiliar and error. After Ctrl-C what is classified
    by then is shown or written, whichever way it was asked for.

    Exit codes: 0 every file was classified; 1 some could not be; 2 the bundle cannot be used; 130 interrupted.

    \b
    Example:
      bucketlens classify photo.jpg holiday/
      bucketlens classify holiday/ --csv results.csv
      bucketlens classify --explain why.png photo.jpg
      bucketlens classify --explain why/ --label tulips holiday/
      bucketlens classify holiday/ --json | jq -r 'select(.needs_review) | .path'
    """
    if as_json and csv_file:
        raise click.UsageError("--json and --csv are two ways to write the same; choose one.")
    loaded = checked_bundle(bundle)
    try:
        with silence():
            classifier = Classifier(loaded, load_model(loaded, usable_cores()))
    except InvalidBundle as error:
        raise click.UsageError(str(error)) from error
    files = [file for path in paths for file in files_under(path)]
    if label is not None and place is None:
        raise click.UsageError("--label says what to look for with --explain, which is missing.")
    maps = None if place is None else heat_maps(place, paths, files, label, loaded.manifest.labels)
    answers = classify_files(files, classifier) if maps is None else explain_files(files, classifier, maps)
    told = _Told(answers, len(files))
    try:
        if as_json:
            with told.until_interrupted():
                for answer in told:
                    say_json(answer)
        elif csv_file:
            _write_csv(told, csv_file)
        else:
            _print_table(told)
    except BrokenProcessPool as error:
        raise click.ClickException(
            "A process was killed while it classified, most likely because the machine had no memory left; "
            "the files after the last that was told of were not classified."
        ) from error
    except OSError as error:
        raise click.UsageError(f"--csv cannot be written: {error.strerror}.") from error
    if csv_file and csv_file.name != "-":
        remarks.print(f"{told.count:,} lines written to {shown(csv_file.name)}", highlight=False)
    if told.is_interrupted:
        remarks.print(f"Interrupted: {told.count:,} of {len(files):,} files are classified.", highlight=False)
        sys.exit(INTERRUPTED)
    sys.exit(1 if told.failed else 0)


class _Told:
    """Answers as they come, counted."""

    def __init__(self, answers: Generator[Answer], total: int) -> None:
        self._answers = answers
        self.total = total
        self.count = 0
        self.failed = 0
        self.is_interrupted = False

    def __iter__(self) -> Iterator[Answer]:
        for answer in self._answers:
            self.count += 1
            self.failed += "error" in answer
            yield answer

    @contextmanager
    def until_interrupted(self) -> Iterator[None]:
        """End the block at Ctrl-C as if there were no more answers."""
        try:
            with closing(self._answers):
                yield
        except KeyboardInterrupt:
            self.is_interrupted = True


def _tracked(told: _Told) -> Iterable[Answer]:
    return track(told, "Classifying", told.total, console=remarks, transient=True)


def _write_csv(told: _Told, file: TextIO) -> None:
    nothing = dict.fromkeys(CSV_COLUMNS)
    with told.until_interrupted():
        rows = ({**nothing, **one, "error": one.get("error", {}).get("message")} for one in _tracked(told))
        write_csv(rows, file, CSV_COLUMNS)


def _print_table(told: _Told) -> None:
    table = Table()
    for column in ("path", "label", "score", ""):
        table.add_column(column, overflow="fold")
    with told.until_interrupted():
        for answer in _tracked(told):
            if "error" in answer:
                table.add_row(shown(answer["path"]), "", "", f"[red]{shown(answer['error']['message'])}[/]")
            else:
                table.add_row(shown(answer["path"]), shown(answer["label"]), f"{answer['score']:.3f}", _why(answer))
    console.print(table)


def _why(answer: Answer) -> str:
    """Return why a person should look, if any."""
    reasons = [
        *(["needs review"] if answer["needs_review"] else []),
        *(["unfamiliar"] if answer["is_unfamiliar"] else []),
    ]
    return f"[yellow]{', '.join(reasons)}[/]" if reasons else ""
