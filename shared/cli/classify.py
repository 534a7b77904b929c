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


@click.command("classify", short_help="Classify files on this machine, without a cloud.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@bundle_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each file, in order.")
@click.option(
    "--csv",
    "csv_file",
    type=click.File("w", encoding="utf-8-sig", lazy=True),
    metavar="FILE",
    help="Write a CSV file for spreadsheets, one line for each file; - for the terminal.",
)
@click.option(
    "--explain",
    "target",
    type=click.Path(path_type=Path),
    help="Also draw where the model sees the label: a heatmap over the picture, written to this file, or for several "
    "files to this folder.",
)
@click.option("--label", help="With --explain: the label to explain.  [default: the label of the picture]")
def command(
    paths: tuple[Path, ...],
    bundle: str,
    as_json: bool,
    csv_file: TextIO | None,
    target: Path | None,
    label: str | None,
) -> None:
    """Classify files and whole folders on this machine, through the same steps as in the cloud.

    A line of --json has path, label, score, candidates (every label, best first), needs_review, is_unfamiliar and
    signals; with --explain also explained (label, score, method, and heat_map: a file). For a file that cannot be
    classified it has path and error.

    A picture is unfamiliar if it is unlike those that the model was trained on; null if the bundle has no profile.

    The heatmap comes from the model itself if its bundle supports that (cam). For other models parts of the picture
    are covered one after another, which runs the model 65 times for each picture (occlusion).

    A line of --csv has path, label, score, needs_review, is_unfamiliar and error. After Ctrl-C the results so far
    are printed or written.

    Exit codes: 0 every file was classified; 1 some could not be; 2 the bundle is invalid; 130 interrupted.

    \b
    Example:
      bucketlens classify photo.jpg holiday/
      bucketlens classify holiday/ --csv results.csv
      bucketlens classify --explain why.png photo.jpg
      bucketlens classify --explain why/ --label tulips holiday/
      bucketlens classify holiday/ --json | jq -r 'select(.needs_review) | .path'
    """
    if as_json and csv_file:
        raise click.UsageError("--json and --csv exclude each other; choose one.")
    loaded = checked_bundle(bundle)
    try:
        with silence():
            classifier = Classifier(loaded, load_model(loaded, usable_cores()))
    except InvalidBundle as error:
        raise click.UsageError(str(error)) from error
    files = [file for path in paths for file in files_under(path)]
    if label is not None and target is None:
        raise click.UsageError("--label needs --explain; add it, or leave out --label.")
    maps = None if target is None else heat_maps(target, paths, files, label, loaded.manifest.labels)
    answers = classify_files(files, classifier) if maps is None else explain_files(files, classifier, maps)
    results = _Results(answers, len(files))
    try:
        if as_json:
            with results.until_interrupted():
                for answer in results:
                    say_json(answer)
        elif csv_file:
            _write_csv(results, csv_file)
        else:
            _print_table(results)
    except BrokenProcessPool as error:
        raise click.ClickException(
            "A process was killed while it classified, probably because the machine ran out of memory; "
            "the files after the last result were not classified."
        ) from error
    except OSError as error:
        raise click.UsageError(f"--csv cannot be written: {error.strerror}.") from error
    if csv_file and csv_file.name != "-":
        remarks.print(f"{results.count:,} lines written to {shown(csv_file.name)}", highlight=False)
    if results.is_interrupted:
        remarks.print(f"Interrupted: {results.count:,} of {len(files):,} files are classified.", highlight=False)
        sys.exit(INTERRUPTED)
    sys.exit(1 if results.failed else 0)


class _Results:
    """The answers, counted as they come."""

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
        """End the block on Ctrl-C as if there were no more answers."""
        try:
            with closing(self._answers):
                yield
        except KeyboardInterrupt:
            self.is_interrupted = True


def _tracked(results: _Results) -> Iterable[Answer]:
    return track(results, "Classifying", results.total, console=remarks, transient=True)


def _write_csv(results: _Results, file: TextIO) -> None:
    empty = dict.fromkeys(CSV_COLUMNS)
    with results.until_interrupted():
        rows = ({**empty, **answer, "error": answer.get("error", {}).get("message")} for answer in _tracked(results))
        write_csv(rows, file, CSV_COLUMNS)


def _print_table(results: _Results) -> None:
    table = Table()
    for column in ("path", "label", "score", ""):
        table.add_column(column, overflow="fold")
    with results.until_interrupted():
        for answer in _tracked(results):
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
