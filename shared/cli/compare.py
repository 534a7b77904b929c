"""``bucketlens compare``."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.progress import Progress
from rich.table import Table

from shared.bundles.bundle import load_bundle
from shared.cli.bundle_names import folder_of
from shared.cli.options import console, remarks
from shared.cli.terminal import say_json, shown
from shared.errors import Misconfigured
from shared.inference.classifier import Classifier
from shared.training.silence import silence
from shared.wiring import load_model

if TYPE_CHECKING:
    from shared.training.comparison import Compared

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("compare", short_help="Measure several bundles on one labelled folder.")
@click.argument("bundles", nargs=-1, required=True, metavar="BUNDLE...")
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--held-out",
    is_flag=True,
    help="Use only pictures that no BUNDLE was trained on; DATA is the folder that all were trained on. For a bundle "
    "trained in folds, use the answers of its folds' networks for pictures that they had not seen.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--markdown", type=FILE, help="Also write the table to this file.")
@click.option("--picture", type=FILE, help="Draw accuracy against milliseconds to a PNG file.")
def command(
    bundles: tuple[str, ...], data: Path, held_out: bool, as_json: bool, markdown: Path | None, picture: Path | None
) -> None:
    """Measure every BUNDLE on DATA, a folder with a sub-folder for each label, as the functions would run it.

    The table has accuracy, calibration, milliseconds for an image (on one thread of this machine: decode, fit,
    classify), size, and the cost of a million images on Cloud Run if its processor is as fast. The Pareto set is the
    bundles that no other bundle beats in accuracy, speed and size together.

    Exit codes: 0 all bundles were measured; 2 a bundle or the data is invalid.

    \b
    Example:
      bucketlens compare flowers_v1 flowers_v2 photos/ --held-out --picture pareto.png
    """
    try:
        compared = _compared(bundles, data, held_out)
    except Misconfigured as error:
        raise click.UsageError(str(error)) from error
    from shared.training.comparison import as_markdown, pareto_set

    best = pareto_set(compared)
    if as_json:
        lines = [{**result.as_json(), "pareto": result in best} for result in compared]
        say_json({"data": data.resolve().name, "bundles": lines}, indent=2)
    else:
        _print(compared, best)
    if markdown is not None:
        pictures = f"{compared[0].report.images} {'held-out ' if held_out else ''}pictures of `{data.resolve().name}`"
        about = f"On {pictures}, through the serving path; milliseconds on one thread of {platform.machine()}."
        markdown.write_text(as_markdown(compared, about), "utf-8")
    if picture is not None:
        from shared.training.pictures import draw_pareto

        points = [
            (result.name, result.milliseconds, result.report.accuracy, result.megabytes, result in best)
            for result in compared
        ]
        draw_pareto(points, f"{data.resolve().name}, {compared[0].report.images} pictures", picture)


def _compared(names: tuple[str, ...], data: Path, held_out: bool) -> list[Compared]:
    from shared.training.comparison import compare
    from shared.training.dataset import files_by_label, labels_of
    from shared.training.held_out import held_out_examples, report_out_of_fold
    from shared.training.out_of_fold import is_in_folds

    loaded = [load_bundle(folder_of(name)) for name in names]
    faults = [
        f"{bundle.folder.name} has no label {label!r}, only {', '.join(bundle.manifest.labels)}"
        for bundle in loaded
        for label in sorted(set(labels_of(data)) - set(bundle.manifest.labels))
    ]
    if faults:
        raise Misconfigured(f"the data in {data}", faults)
    manifests = [bundle.manifest for bundle in loaded]
    examples = held_out_examples(data, manifests) if held_out else []  # read once for all bundles
    files = [(example.path, example.label) for example in examples] if held_out else files_by_label(data)
    reports = [
        report_out_of_fold(bundle, examples) if held_out and is_in_folds(bundle.manifest) else None for bundle in loaded
    ]
    with silence():
        classifiers = [Classifier(bundle, load_model(bundle, threads=1)) for bundle in loaded]
    with Progress(console=remarks, transient=True) as progress:
        task = progress.add_task("Classifying", total=len(files) * reports.count(None))
        return [
            compare(classifier, files, lambda: progress.advance(task), report)
            for classifier, report in zip(classifiers, reports, strict=True)
        ]


def _print(compared: list[Compared], best: list[Compared]) -> None:
    from shared.training.comparison import cells_of

    has_two_labels = all(result.report.binary is not None for result in compared)
    table = Table(
        "bundle", "px", "accuracy (95 %)", *(["AUC"] if has_two_labels else []), "ECE", "NLL", "ms", "MB", "USD"
    )
    for result in compared:
        style = "bold" if result in best else None
        table.add_row(shown(result.name), *cells_of(result, has_two_labels)[1:], style=style)
    console.print(table)
    from shared.training.report import too_few

    if few := too_few(compared[0].report.images, "pictures"):
        remarks.print(few, style="yellow", soft_wrap=True, highlight=False)
    console.print(
        f"Pareto set: {', '.join(shown(result.name) for result in best)}; "
        f"{compared[0].report.images} pictures, milliseconds on one thread of this machine, USD for a million images",
        soft_wrap=True,
        highlight=False,
    )
