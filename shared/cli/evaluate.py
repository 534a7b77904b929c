"""``bucketlens evaluate``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.progress import Progress
from rich.table import Table

from shared.bundles.bundle import Bundle, load_bundle
from shared.cli.bundle_names import folder_of
from shared.cli.options import console, remarks
from shared.cli.terminal import say_json, shown
from shared.errors import Misconfigured
from shared.inference.classifier import Classifier
from shared.wiring import load_model

if TYPE_CHECKING:
    from shared.training.dataset import BadFile
    from shared.training.report import Report

SHARE = click.FloatRange(0, 1)
BAD_FILES_SHOWN = 20
NAMES = {
    "auc": "area under the ROC curve",
    "ece": "expected calibration error",
    "macro_f1": "macro F1",
}
"""The names of figures in messages, if they differ from the keys."""


@click.command("evaluate", short_help="Measure a bundle on a labelled folder.")
@click.argument("bundle")
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--min-accuracy", type=SHARE, help="Fail below this accuracy.")
@click.option("--min-macro-f1", type=SHARE, help="Fail below this mean F1 of the labels.")
@click.option("--max-ece", type=SHARE, help="Fail above this expected calibration error.")
@click.option("--min-auc", type=SHARE, help="Fail below this area under the ROC curve; with two labels.")
@click.option(
    "--min-sensitivity",
    type=SHARE,
    help="Fail below this share of positive pictures that get the positive label; with two labels.",
)
@click.option(
    "--min-specificity",
    type=SHARE,
    help="Fail below this share of other pictures that do not get the positive label; with two labels.",
)
@click.option(
    "--held-out",
    is_flag=True,
    help="Use only pictures that BUNDLE was not trained on; DATA is the folder that it was trained on. For a bundle "
    "trained in folds, use the answers of its folds' networks for pictures that they had not seen.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--confusion-matrix",
    "matrix",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw the confusion matrix to a PNG file.",
)
@click.option(
    "--reliability-diagram",
    "diagram",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw the accuracy at each score to a PNG file.",
)
def command(
    bundle: str,
    data: Path,
    held_out: bool,
    as_json: bool,
    matrix: Path | None,
    diagram: Path | None,
    **bounds: float | None,
) -> None:
    """Measure a bundle: classify every picture of DATA, a folder with a sub-folder for each label.

    Pictures are classified as the functions would do it. With two labels the output also has the area under the ROC
    curve, and at the bundle's threshold the sensitivity (the share of pictures with the positive label that were given
    it) and the specificity (the share of the others that were not).

    Exit codes: 0 all thresholds hold; 1 at least one does not; 2 the bundle or the data is invalid.

    \b
    Example:
      bucketlens evaluate flowers_v1 photos/ --min-accuracy 0.95 --confusion-matrix confusion.png
    """
    try:
        measured, report, bad_files = _measured(bundle, data, held_out)
    except Misconfigured as error:
        raise click.UsageError(str(error)) from error
    from shared.training.intervals import share_interval

    manifest = measured.manifest
    failed = list(_failed(report.as_json(), bounds))
    if as_json:
        left_out = [{"path": str(bad.path), "reason": bad.reason} for bad in bad_files]
        about = {"bundle": manifest.name, "version": manifest.version, "digest": measured.digest}
        interval = {"accuracy_interval": list(share_interval(report.accuracy, report.images))}
        say_json({**about, **report.as_json(), **interval, "left_out": left_out, "failed": failed}, indent=2)
    else:
        _print(report, bad_files, failed)
    title = f"{manifest.name} {manifest.version} on {data.resolve().name}: {report.accuracy:.1%}"
    if matrix is not None:
        from shared.training.pictures import draw_confusion

        draw_confusion(report.confusion, manifest.labels, title, matrix)
    if diagram is not None:
        from shared.training.pictures import draw_reliability

        draw_reliability(report.reliability, title, diagram)
    sys.exit(1 if failed else 0)


def _measured(bundle: str, data: Path, held_out: bool) -> tuple[Bundle, Report, list[BadFile]]:
    from shared.training.dataset import files_by_label, labels_of
    from shared.training.held_out import held_out_examples, held_out_files, report_out_of_fold
    from shared.training.out_of_fold import is_in_folds
    from shared.training.quiet import silence
    from shared.training.report import measure

    threads = os.cpu_count() or 1
    loaded = load_bundle(folder_of(bundle))
    if unknown := sorted(set(labels_of(data)) - set(loaded.manifest.labels)):
        raise Misconfigured(
            f"the data in {data}",
            [
                f"{loaded.manifest.name} has no label {label!r}, only {', '.join(loaded.manifest.labels)}"
                for label in unknown
            ],
        )
    if held_out and is_in_folds(loaded.manifest):
        return loaded, report_out_of_fold(loaded, held_out_examples(data, [loaded.manifest])), []
    with silence():
        classifier = Classifier(loaded, load_model(loaded, threads))
    files = held_out_files(data, [loaded.manifest]) if held_out else files_by_label(data)
    with Progress(console=remarks, transient=True) as progress:
        task = progress.add_task("Classifying", total=len(files))
        report, bad_files = measure(classifier, files, lambda: progress.advance(task), threads)
    return loaded, report, bad_files


def _failed(figures: Mapping[str, Any], bounds: Mapping[str, float | None]) -> Iterator[str]:
    """Yield a sentence for each figure that breaks its bound, ``--min-FIGURE`` or ``--max-FIGURE``."""
    for option, bound in bounds.items():
        side, _, name = option.partition("_")
        if bound is None:
            continue
        figure, called = figures.get(name), NAMES.get(name, name)
        if figure is None:
            yield f"{called} cannot be computed from these pictures; it needs two labels, and pictures of both"
        elif figure < bound if side == "min" else figure > bound:
            yield f"{called} is {figure}, {'below' if side == 'min' else 'above'} {bound}"


def _print(report: Report, bad_files: list[BadFile], failed: list[str]) -> None:
    table = Table("label", *("precision", "recall", "F1", "pictures"))
    for label, figures in report.by_label.items():
        shares = (
            (f"{figures.precision:.3f}", f"{figures.recall:.3f}", f"{figures.f1:.3f}")
            if figures.images
            else ("", "", "")
        )
        table.add_row(shown(label), *shares, str(figures.images))
    console.print(table)
    from shared.training.intervals import share_interval
    from shared.training.report import too_few

    low, high = share_interval(report.accuracy, report.images)
    accepted = "" if report.accepted_accuracy is None else f", the others are {report.accepted_accuracy:.2%} right"
    console.print(
        f"{report.images} pictures: accuracy {report.accuracy:.2%} (95 %: {low:.1%} to {high:.1%}), "
        f"macro F1 {report.macro_f1:.4f}, "
        f"expected calibration error {report.ece:.4f}, negative log-likelihood {report.nll:.4f}; "
        f"{report.needs_review:.1%} need review{accepted}",
        soft_wrap=True,
        highlight=False,
    )
    if report.binary is not None:
        auc, sensitivity, specificity = (
            "unknown" if share is None else f"{share:.4f}"
            for share in (report.binary.auc, report.binary.sensitivity, report.binary.specificity)
        )
        console.print(
            f"{shown(report.binary.positive)} from a score of {report.binary.threshold} on: area under the ROC curve "
            f"{auc}, sensitivity {sensitivity}, specificity {specificity}",
            soft_wrap=True,
            highlight=False,
        )
    if few := too_few(report.images, "pictures"):
        remarks.print(few, style="yellow", soft_wrap=True, highlight=False)
    for bad in bad_files[:BAD_FILES_SHOWN]:
        remarks.print(f"left out: {bad.path}: {bad.reason}", style="yellow", markup=False, soft_wrap=True)
    if more := len(bad_files[BAD_FILES_SHOWN:]):
        remarks.print(f"left out: {more} more", style="yellow")
    for fault in failed:
        remarks.print(f"✗ {fault}", style="red", soft_wrap=True)
