"""``bucketlens bundle import``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from shared.bundles.manifest import ACTIVATIONS, FILTERS, FITS
from shared.cli.bundle_names import typed_bundle
from shared.cli.import_request import request_of
from shared.cli.options import console, remarks
from shared.errors import Misconfigured

if TYPE_CHECKING:
    from shared.bundles.bundle import Bundle


@click.command(
    "import", short_help="Make a bundle from your own model.", context_settings={"auto_envvar_prefix": "MODEL"}
)
@click.argument("path", type=click.Path(exists=True, path_type=Path), envvar="MODEL_PATH")
@click.option(
    "--labels",
    help="The labels in the order of training: a,b,c or a file with one label a line.  [default: from the model]",
)
@click.option("--name", help="The name of the model, such as flowers.  [default: the file's name]")
@click.option("--version", help="The version under this name.  [default: the first free number]")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder of the bundle.  [default: NAME_vVERSION among your own bundles, see `bundle list`]",
)
@click.option("--description", default="", help="A sentence for the model card.")
@click.option("--force", is_flag=True, help="Replace a bundle that is already in the folder.")
@click.option(
    "--scaling",
    help="How training scaled pixels: 0..255, 0..1, -1..1, imagenet, caffe, or MEAN,STD.  "
    "[default: from the file; required if the file does not declare it]",
)
@click.option("--size", metavar="HxW", help="The input size, for a network that takes any: 224, or 224x320.")
@click.option(
    "--fit",
    type=click.Choice(FITS),
    help="How a picture is fitted to the input size.  [default: stretch; Teachable Machine crop]",
)
@click.option(
    "--filter",
    type=click.Choice(FILTERS),
    help="How pixels are resampled.  [default: bilinear; Teachable Machine lanczos]",
)
@click.option(
    "--channels-first/--channels-last",
    default=None,
    help="The layout of the input: (n, channels, height, width) or (n, height, width, channels).",
)
@click.option("--grey", is_flag=True, help="Convert every picture to shades of grey for a network of three channels.")
@click.option(
    "--activation",
    type=click.Choice(ACTIVATIONS),
    help="The activation of the outputs.  [default: from the last layer; required if the file does not declare it]",
)
@click.option(
    "--positive",
    help="With two labels: the label that --threshold applies to; with one output, the label that its "
    "score is of.  [default: the second]",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="With two labels: the score from which the positive label is given.  [default: 0.5 with one output]",
)
@click.option(
    "--temperature",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0.01, 100),
    help="The temperature that calibrates the scores.",
)
@click.option(
    "--review-below",
    default=0.5,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Scores below this need review by a person.",
)
@click.option(
    "--samples",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder with 50 or more typical pictures, in any sub-folders, for the conversion to int8.",
)
@click.option(
    "--calibrate",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="LABELLED",
    help="A folder with a sub-folder of pictures for each label, none of them used in training: fit the "
    "temperature, the threshold and the review score on them, and print the accuracy, which shows a wrong scaling.",
)
@click.option(
    "--precision",
    type=click.Choice(("int8", "float16", "float32")),
    help="The precision of a converted Keras model or SavedModel.  [default: int8 with --samples, else float32]",
)
@click.option(
    "--least-agreement",
    default=0.95,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="The least share of pictures that keep their label in the conversion.",
)
@click.option(
    "--runtime",
    default="litert",
    show_default=True,
    type=click.Choice(("litert", "keep")),
    help="litert converts the model; keep serves a Keras model or SavedModel unchanged, with TensorFlow.",
)
def import_model(path: Path, **options: Any) -> None:
    """Make a bundle from your own model.

    PATH is a .keras, .h5 or .tflite file, a SavedModel folder, or an export of Teachable Machine (its folder or zip
    file).

    Size, channels, type, scaling, activation and labels are read from the file if it declares them; the command lists
    all that are missing together. Keras models and SavedModels are converted to .tflite files: with --samples to int8,
    which is a quarter of the size and usually faster, else to float32. The labels of the converted model are compared
    with those of the original before anything is written. A .tflite file does not need TensorFlow.

    A model with one output, a sigmoid, has two labels: those that were 0 and 1 in training, in this order.

    Each option can also be an environment variable: MODEL_LABELS for --labels, and so on; PATH is MODEL_PATH.

    Exit codes: 0 the bundle is written; 1 the conversion changed too much and nothing is written; 2 the model or the
    options are invalid and nothing is written.

    \b
    Example:
      bucketlens bundle import flowers.keras --labels daisy,rose,tulip --samples photos/
      bucketlens bundle import pneumonia.h5 --labels normal,pneumonia --scaling 0..1 --threshold 0.6
      bucketlens bundle import flowers.h5 --labels labels.txt --scaling -1..1 --calibrate validation/
      bucketlens bundle import converted_keras.zip --name desk
    """
    imported(path, options)


def imported(path: Path, options: dict[str, Any]) -> Bundle:
    """Import a model and print the result; exit with 1 if the conversion changed too much.

    Args:
        path: the model file or folder.
        options: every option of the command.

    Raises:
        click.UsageError: the model or the options are invalid.
    """
    from shared.importing.importer import TooFarOff, import_bundle
    from shared.importing.progress import Terminal

    try:
        with Terminal(remarks) as terminal:
            bundle = import_bundle(request_of(path, options), terminal)
    except TooFarOff as error:
        remarks.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)
    except Misconfigured as error:
        raise click.UsageError(_as_list(error)) from error
    summarise(bundle)
    return bundle


def summarise(bundle: Bundle) -> None:
    """Print a summary of the bundle and the next command."""
    manifest = bundle.manifest
    spec = manifest.input
    threshold = f", {manifest.threshold.positive} from {manifest.threshold.score:g} on" if manifest.threshold else ""
    console.print(
        f"{bundle.folder}: {len(manifest.labels)} labels ({', '.join(manifest.labels)}{threshold}), "
        f"{spec.width_px} x {spec.height_px} px, {spec.dtype}, {manifest.activation}, run by {manifest.runtime}; "
        f"scaling {manifest.lineage['scaling']['is']}, from {manifest.lineage['scaling']['from']}",
        soft_wrap=True,
        highlight=False,
        markup=False,
    )
    console.print(
        f"Type next: bucketlens classify --bundle {typed_bundle(bundle.folder)} photo.jpg",
        soft_wrap=True,
        highlight=False,
        markup=False,
    )


def _as_list(error: Misconfigured) -> str:
    if len(error.faults) == 1:
        return str(error)
    what = str(error).removesuffix("; ".join(error.faults)).rstrip(": ")
    return "\n".join([f"{what}:", *(f"  - {fault}" for fault in error.faults)])
