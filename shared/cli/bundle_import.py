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
    "import", short_help="Make a bundle of a model of your own.", context_settings={"auto_envvar_prefix": "MODEL"}
)
@click.argument("path", type=click.Path(exists=True, path_type=Path), envvar="MODEL_PATH")
@click.option(
    "--labels", help="a,b,c in the order of training, or a file with one a line.  [default: those in the file]"
)
@click.option("--name", help="What the model is called, such as flowers.  [default: the file's name]")
@click.option("--version", help="Of this name.  [default: the first number that is free]")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder.  [default: NAME_vVERSION among your own, which `bundle list` names]",
)
@click.option("--description", default="", help="One sentence for the model card.")
@click.option("--force", is_flag=True, help="Replace a bundle that lies there.")
@click.option(
    "--scaling",
    help="How training scaled pixels: 0..255, 0..1, -1..1, imagenet, caffe, or MEAN,STD.  "
    "[default: what the file says; where it says nothing, you are asked]",
)
@click.option("--size", metavar="HxW", help="For a network that takes any size: 224, or 224x320.")
@click.option(
    "--fit",
    type=click.Choice(FITS),
    help="How a picture becomes that size.  [default: stretch; Teachable Machine crop]",
)
@click.option(
    "--filter", type=click.Choice(FILTERS), help="Resampling.  [default: bilinear; Teachable Machine lanczos]"
)
@click.option(
    "--channels-first/--channels-last", default=None, help="Input (n, channels, height, width), or channels at its end."
)
@click.option("--grey", is_flag=True, help="Show a network of three channels every picture in shades of grey.")
@click.option(
    "--activation",
    type=click.Choice(ACTIVATIONS),
    help="What the outputs are.  [default: what the last layer says; where it says nothing, you are asked]",
)
@click.option(
    "--positive",
    help="Of two labels the one that --threshold is for; with one output, whose score it is.  [default: the second]",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Of two labels: give the positive one from this score on.  [default: 0.5 with one output]",
)
@click.option(
    "--temperature", default=1.0, show_default=True, type=click.FloatRange(0.01, 100), help="Calibration of the scores."
)
@click.option(
    "--review-below",
    default=0.5,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Scores that a person should see.",
)
@click.option(
    "--samples",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Pictures such as will be classified, any folders, 50 or more: convert to int8 with them.",
)
@click.option(
    "--calibrate",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="LABELLED",
    help="Pictures with a sub-folder a label, not those of training: fit temperature, threshold and review score on "
    "them, and print the accuracy, so that a wrong scaling is seen.",
)
@click.option(
    "--precision",
    type=click.Choice(("int8", "float16", "float32")),
    help="What a Keras model or SavedModel is converted to.  [default: int8 with --samples, else float32]",
)
@click.option(
    "--least-agreement",
    default=0.95,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Share of pictures with the same label as before conversion; below it nothing is written.",
)
@click.option(
    "--runtime",
    default="litert",
    show_default=True,
    type=click.Choice(("litert", "keep")),
    help="keep: serve a Keras model or SavedModel as it is, with TensorFlow.",
)
def import_model(path: Path, **options: Any) -> None:
    """Make a bundle of a model: PATH is a .keras, .h5 or .tflite file, a SavedModel folder, or an export of Teachable
    Machine (its folder or zip file).

    Size, channels, type, scaling, activation and labels are read from the file where it says them; what it does not
    say is asked for, all at once. Keras models and SavedModels become .tflite files: with --samples in int8, which is
    a quarter of the size and as a rule faster, else as they are. What the converted model says is compared with
    what the original says before anything is written. A .tflite file needs no TensorFlow here.

    A model of one output, a sigmoid, has two labels: 0 and 1 of training, in this order.

    Each option may be a variable of the environment too: MODEL_LABELS for --labels, and so on; PATH is MODEL_PATH.

    Exit codes: 0 the bundle is written; 1 conversion changed too much, nothing is written; 2 the model or the options
    cannot be used, nothing is written.

    \b
    Example:
      bucketlens bundle import flowers.keras --labels daisy,rose,tulip --samples photos/
      bucketlens bundle import pneumonia.h5 --labels normal,pneumonia --scaling 0..1 --threshold 0.6
      bucketlens bundle import flowers.h5 --labels labels.txt --scaling -1..1 --calibrate validation/
      bucketlens bundle import converted_keras.zip --name desk
    """
    imported(path, options)


def imported(path: Path, options: dict[str, Any]) -> Bundle:
    """Import a model and say so; what is in the way is said too, and the process ends.

    Args:
        path: of the model.
        options: the command's, every one.

    Raises:
        click.UsageError: the model or the options cannot be used.
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
    """Print what was made, and what to type next."""
    manifest = bundle.manifest
    spec = manifest.input
    decides = f", {manifest.threshold.positive} from {manifest.threshold.score:g} on" if manifest.threshold else ""
    console.print(
        f"{bundle.folder}: {len(manifest.labels)} labels ({', '.join(manifest.labels)}{decides}), "
        f"{spec.width_px} x {spec.height_px} px, {spec.dtype}, {manifest.activation}, run by {manifest.runtime}; "
        f"scaling {manifest.lineage['scaling']['is']}, known from {manifest.lineage['scaling']['from']}",
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
