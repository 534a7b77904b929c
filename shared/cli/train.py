"""``bucketlens train``."""

from __future__ import annotations

import logging
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click
from click.core import ParameterSource

from shared.bundles.manifest import FILTERS, FITS
from shared.cli.bundle_names import folder_of, new_folder, next_version
from shared.cli.options import remarks
from shared.cli.terminal import shown
from shared.cli.trained import summarise
from shared.errors import Misconfigured
from shared.training.backbones import BACKBONES, DEFAULT
from shared.training.silence import silence

if TYPE_CHECKING:
    from shared.training.request import Request

GROUP_BY = r"(?i)(?:patient|person|subject|case|study|NORMAL2-IM|IM)[-_ ]?[0-9]+"
"""The part of a file's name that identifies the patient, in data sets of medical pictures."""

SHARE = click.FloatRange(0, 1)
LARGER = (15 / 14, 8 / 7)
"""Further serving sizes to try, as shares of the training size: 240 and 256 for 224."""


@click.command("train", short_help="Train a model bundle from a labelled folder.")
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--name", required=True, help="The name of the model, such as flowers.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder of the bundle.  [default: NAME_vN among your own bundles, see `bundle list`]",
)
@click.option("--description", default="", help="A sentence for the model card.")
@click.option("--resume", is_flag=True, help="Continue a stopped run; give the same options.")
@click.option("--start-from", metavar="BUNDLE", help="Start from this bundle's weights instead of ImageNet's.")
@click.option("--epochs", default=14, show_default=True, type=click.IntRange(1), help="The most epochs.")
@click.option("--patience", default=8, show_default=True, help="Stop this many epochs after the best one.")
@click.option("--seed", default=1, show_default=True, help="The seed of random numbers.")
@click.option(
    "--backbone", default=DEFAULT, show_default=True, type=click.Choice(list(BACKBONES)), help="The pretrained network."
)
@click.option(
    "--image-size",
    type=click.IntRange(32, 1024),
    help="The edge of a training picture, in pixels.  [default: the network's: 224, Lite1 240, Lite2 260]",
)
@click.option(
    "--serve-size",
    "serve_sizes",
    multiple=True,
    type=click.IntRange(32, 1024),
    help="A size for serving; may be repeated, and validation chooses.  [default: image size, 7 % and 14 % more]",
)
@click.option(
    "--fit", type=click.Choice(FITS), help="How a picture is made square.  [default: crop; stretch for grey pictures]"
)
@click.option("--grey/--colour", default=None, help="Serve in grey.  [default: grey if no picture has colours]")
@click.option(
    "--filter", default="bicubic", show_default=True, type=click.Choice(FILTERS), help="How pixels are resampled."
)
@click.option("--batch-size", default=32, show_default=True, type=click.IntRange(1), help="The pictures of a batch.")
@click.option("--learning-rate", default=2e-4, show_default=True, help="The highest learning rate.")
@click.option("--weight-decay", default=1e-4, show_default=True, help="The weight decay of the optimiser.")
@click.option("--label-smoothing", default=0.1, show_default=True, type=SHARE, help="The share of label smoothing.")
@click.option("--dropout", default=0.3, show_default=True, type=SHARE, help="The dropout of the network.")
@click.option(
    "--average", default=0.995, show_default=True, type=SHARE, help="The decay of the moving average of the weights."
)
@click.option("--mix/--no-mix", default=True, show_default=True, help="Mix the weights with those of a linear probe.")
@click.option(
    "--epoch-steps", default=0, show_default=True, type=click.IntRange(0), help="The batches of an epoch; 0 for all."
)
@click.option(
    "--freeze", default=0, show_default=True, type=click.IntRange(0, 16), help="The number of first blocks to freeze."
)
@click.option(
    "--balanced/--unbalanced",
    default=None,
    help="Draw every label equally often.  [default: balanced if a label has twice the pictures of another]",
)
@click.option("--smallest-crop", type=SHARE, help="The smallest crop by area.  [default: 0.3; grey 0.4]")
@click.option(
    "--aspect", type=click.FloatRange(1), help="The largest change of proportions of a crop.  [default: 1.33; grey 1.6]"
)
@click.option("--flip/--no-flip", default=True, show_default=True, help="Mirror half of the pictures left to right.")
@click.option("--rotate", type=click.FloatRange(0, 180), help="Rotate by up to this angle.  [default: 0; grey 8]")
@click.option("--brightness", default=0.25, show_default=True, type=SHARE, help="Vary brightness by up to this share.")
@click.option("--contrast", type=SHARE, help="Vary contrast by up to this share.  [default: 0.25; grey 0.5]")
@click.option("--saturation", type=SHARE, help="Vary saturation by up to this share.  [default: 0.25; grey 0]")
@click.option(
    "--gamma", type=click.FloatRange(0, 2), help="Change exposure by powers of up to exp(this).  [default: 0; grey 0.4]"
)
@click.option("--blur", type=SHARE, help="The chance to blur a picture or to recompress it.  [default: 0; grey 0.3]")
@click.option("--erase", default=0.25, show_default=True, type=SHARE, help="The chance to hide a rectangle.")
@click.option("--mixup", default=0.2, show_default=True, help="The alpha of mixup; 0 for none.")
@click.option(
    "--validation-share",
    default=0.1,
    show_default=True,
    type=click.FloatRange(0, 0.9),
    help="The share of each label's pictures to validate on.",
)
@click.option(
    "--folds",
    type=int,
    metavar="K",
    help="Choose and measure on every picture by K networks that have not seen it, then train the bundle on all; takes "
    "about K + 1 times as long.",
)
@click.option(
    "--group-by",
    default=GROUP_BY,
    help="A regular expression: files with the same match in their names, such as a patient's number, are all used for "
    'training or all for validation; "" for none.  [default: a number after patient, person, subject, case, study or '
    "IM]",
)
@click.option(
    "--review-accuracy",
    default=0.995,
    show_default=True,
    type=SHARE,
    help="The required accuracy of predictions that need no review.",
)
@click.option("--positive", help="With two labels: the label whose score decides.  [default: the last by name]")
@click.option(
    "--sensitivity", default=0.95, show_default=True, type=SHARE, help="With two labels: the required sensitivity."
)
@click.option(
    "--specificity", default=0.91, show_default=True, type=SHARE, help="With two labels: the required specificity."
)
@click.option(
    "--harder/--as-they-are",
    default=True,
    show_default=True,
    help="With two labels: choose the threshold also on validation pictures under harder conditions.",
)
@click.option(
    "--limits",
    type=click.File(encoding="utf-8"),
    help="A Markdown file for the model card: what the model is not for, and where it fails.",
)
def command(data: Path, out: Path | None, resume: bool, limits: TextIO | None, **options: Any) -> None:
    """Fine-tune a pretrained network on DATA, a folder with a sub-folder for each label, and export an int8 bundle.

    Files that cannot be decoded are reported and skipped. Of the epochs that are as good as the best on held-out
    pictures, the last is kept. A stopped run continues after its last complete epoch with --resume. The ImageNet
    weights of the EfficientNet-Lites are Python packages; Keras downloads those of the other networks on first use.

    The defaults suit photographs, and if no picture has colours, radiographs: these are varied more in light, sharpness
    and proportions, and never turned upside down.

    With two labels the bundle declares a threshold: the positive label is given if its score is at least that. It is
    the threshold with the highest specificity whose sensitivity is one standard error above --sensitivity, on the
    validation pictures and on harder copies of them: other proportions, crops, light, sharpness.

    With --folds no picture is held out permanently. The epochs, the mix, the size, the temperature and the thresholds
    are chosen on every picture by networks that have not seen it; among choices that are as good as the best within one
    standard error, the simplest is taken. The model card reports the results of those networks. suspects.csv lists
    pictures whose label may be wrong.

    Exit codes: 0 the bundle is written; 2 the data or the options are invalid; 130 stopped by Ctrl-C.

    \b
    Example:
      bucketlens train photos/ --name flowers
      bucketlens train chest_xray/ --name chest_xray --limits limits.md --folds 5
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow reads it at import
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    with silence():  # TensorFlow prints a greeting before it reads its log level
        from shared.training.progress import Terminal
        from shared.training.train import train

    out = out or new_folder(options["name"], next_version(options["name"]))
    try:
        with Terminal(remarks, options["epochs"]) as watcher:
            bundle, report = train(_request(data, out, resume, limits, options), watcher)
    except Misconfigured as error:
        raise click.UsageError(str(error)) from error
    except KeyboardInterrupt:
        remarks.print(
            f"Stopped. Continue after the last complete epoch with the same options and: --out {shown(out)} --resume"
        )
        sys.exit(130)
    summarise(bundle, report)


def _request(data: Path, out: Path, resume: bool, limits: TextIO | None, options: dict[str, Any]) -> Request:
    from shared.training.binary import Goal
    from shared.training.export import Plan
    from shared.training.request import Request
    from shared.training.start import read_start

    _check_folds(options["folds"])
    start_from = options.pop("start_from")
    size = options["image_size"] = options["image_size"] or BACKBONES[options["backbone"]].image_size
    sizes = options["serve_sizes"] or {round(size * share / 8) * 8 for share in LARGER} | {size}
    version = re.search(r"_v(\w+)$", out.name)
    plan = Plan(
        name=options["name"],
        version=version[1] if version else "1",
        description=options["description"],
        serve_sizes=tuple(sorted(sizes)),
        review_accuracy=options["review_accuracy"],
        positive=options["positive"],
        goal=Goal(options["sensitivity"], options["specificity"]),
        harder=options["harder"],
        limits=limits.read().strip() if limits else "",
    )
    return Request(
        data=data,
        out=out,
        plan=plan,
        validation_share=options["validation_share"],
        options={"data": data.resolve().name, **options},
        group_by=_checked_pattern(options["group_by"]),
        start=read_start(folder_of(start_from)) if start_from else None,
        resume=resume,
        folds=options["folds"] or 0,
    )


def _check_folds(folds: int | None) -> None:
    """Refuse too few folds, and options that have no effect with folds."""
    if folds is None:
        return
    if folds < 2:
        fault = f"{folds} is too few; use 2 or more, so that no network is measured on its training pictures"
        raise click.BadParameter(fault, param_hint="--folds")
    context = click.get_current_context()
    for name in ("validation_share", "patience"):
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = f"--{name.replace('_', '-')}"
            raise click.UsageError(
                f"{option} has no effect with --folds, which measures on every picture; leave it out"
            )


def _checked_pattern(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        fault = f"it is {pattern!r}, which is not a regular expression ({error})"
        raise click.BadParameter(fault, param_hint="--group-by") from error
    return pattern
