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
"""What in a file's name tells whom it shows, in data sets of medical pictures."""

SHARE = click.FloatRange(0, 1)
LARGER = (15 / 14, 8 / 7)
"""Serving sizes to try, as a share of the training size: 240 and 256 for 224."""


@click.command("train", short_help="Make a model bundle from a labelled folder.")
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--name", required=True, help="What the model is called, such as flowers.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder.  [default: NAME_vN among your own, which `bundle list` names]",
)
@click.option("--description", default="", help="One sentence for the model card.")
@click.option("--resume", is_flag=True, help="Go on with a stopped run; give the same options.")
@click.option("--start-from", metavar="BUNDLE", help="Begin with this bundle's weights instead of ImageNet's.")
@click.option("--epochs", default=14, show_default=True, type=click.IntRange(1))
@click.option("--patience", default=8, show_default=True, help="Stop so many epochs after the chosen one.")
@click.option("--seed", default=1, show_default=True)
@click.option(
    "--backbone", default=DEFAULT, show_default=True, type=click.Choice(list(BACKBONES)), help="The pretrained network."
)
@click.option(
    "--image-size",
    type=click.IntRange(32, 1024),
    help="Edge in pixels.  [default: the network's, 224, Lite1 240, Lite2 260]",
)
@click.option(
    "--serve-size",
    "serve_sizes",
    multiple=True,
    type=click.IntRange(32, 1024),
    help="Sizes that serving may use; validation chooses.  [default: image size, 7 % and 14 % more]",
)
@click.option(
    "--fit", type=click.Choice(FITS), help="How a picture becomes a square.  [default: crop; stretch for grey ones]"
)
@click.option("--grey/--colour", default=None, help="Serve in shades of grey.  [default: where no picture has colours]")
@click.option(
    "--filter", default="bicubic", show_default=True, type=click.Choice(FILTERS), help="How pixels are resampled."
)
@click.option("--batch-size", default=32, show_default=True, type=click.IntRange(1))
@click.option("--learning-rate", default=2e-4, show_default=True)
@click.option("--weight-decay", default=1e-4, show_default=True)
@click.option("--label-smoothing", default=0.1, show_default=True, type=SHARE)
@click.option("--dropout", default=0.3, show_default=True, type=SHARE)
@click.option(
    "--average", default=0.995, show_default=True, type=SHARE, help="What the weights' moving average keeps a step."
)
@click.option("--mix/--no-mix", default=True, show_default=True, help="Mix the weights with a linear probe's.")
@click.option(
    "--epoch-steps",
    default=0,
    show_default=True,
    type=click.IntRange(0),
    help="Batches an epoch; 0: all pictures once.",
)
@click.option(
    "--freeze", default=0, show_default=True, type=click.IntRange(0, 16), help="First blocks to leave as they are."
)
@click.option(
    "--balanced/--unbalanced",
    default=None,
    help="Draw every label equally often.  [default: where one has twice the pictures of another]",
)
@click.option("--smallest-crop", type=SHARE, help="Share of the area.  [default: 0.3; 0.4 for grey pictures]")
@click.option(
    "--aspect", type=click.FloatRange(1), help="Crops are at most this much wider or taller.  [default: 1.33; grey 1.6]"
)
@click.option("--flip/--no-flip", default=True, show_default=True, help="Mirror half of the pictures, left to right.")
@click.option("--rotate", type=click.FloatRange(0, 180), help="Degrees either way.  [default: 0; grey 8]")
@click.option("--brightness", default=0.25, show_default=True, type=SHARE)
@click.option("--contrast", type=SHARE, help="More or less, by this share.  [default: 0.25; grey 0.5]")
@click.option("--saturation", type=SHARE, help="More or less, by this share.  [default: 0.25; grey 0]")
@click.option(
    "--gamma", type=click.FloatRange(0, 2), help="Other exposure: powers to exp(this).  [default: 0; grey 0.4]"
)
@click.option("--blur", type=SHARE, help="Chance of a soft picture or a poor JPEG.  [default: 0; grey 0.3]")
@click.option("--erase", default=0.25, show_default=True, type=SHARE, help="Chance to hide a rectangle.")
@click.option("--mixup", default=0.2, show_default=True, help="Alpha; 0 mixes nothing.")
@click.option(
    "--validation-share", default=0.1, show_default=True, type=click.FloatRange(0, 0.9), help="Of each label."
)
@click.option(
    "--folds",
    type=int,
    metavar="K",
    help="Choose and measure on every picture by K networks that have not seen it, and train the bundle on everything; "
    "takes about K + 1 times as long.",
)
@click.option(
    "--group-by",
    default=GROUP_BY,
    help="Regular expression: files with the same match in their names, such as a patient's number, are all trained "
    'on or all validated on; "" for none.  [default: a number after patient, person, subject, case, study or IM]',
)
@click.option("--review-accuracy", default=0.995, show_default=True, type=SHARE, help="Wanted of what needs no review.")
@click.option("--positive", help="Of two labels the one whose score decides.  [default: the last by name]")
@click.option(
    "--sensitivity", default=0.95, show_default=True, type=SHARE, help="Of two labels: wanted of the threshold."
)
@click.option(
    "--specificity", default=0.91, show_default=True, type=SHARE, help="Of two labels: wanted of the threshold."
)
@click.option(
    "--harder/--as-they-are",
    default=True,
    show_default=True,
    help="Of two labels: choose the threshold on the validation pictures under harder conditions too.",
)
@click.option(
    "--limits",
    type=click.File(encoding="utf-8"),
    help="Markdown for the model card: what the model is not for, and where it fails.",
)
def command(data: Path, out: Path | None, resume: bool, limits: TextIO | None, **options: Any) -> None:
    """Fine-tune a pretrained network on DATA, a folder with one sub-folder a label, and export an int8 bundle.

    Files that do not decode are named and left out. Of the epochs that do as well as the best on pictures
    held out, the last is kept. A run that was stopped, by Ctrl-C or otherwise, goes on after its last whole
    epoch with --resume. The EfficientNet-Lites' ImageNet weights are Python packages; those of the other networks
    are downloaded by Keras when they are first used.

    The defaults suit photographs, and where no picture has colours, radiographs: those
    are varied more in light, sharpness and proportions, and never turned upside down.

    With two labels the bundle declares a threshold: the positive label is given where its score is at least that.
    It is where specificity is highest while sensitivity is one standard error above what is wanted, on the
    validation pictures and on copies that are made harder on purpose: other proportions, crops, light, sharpness.

    With --folds nothing is kept apart for good. The epochs, the mix, the size, the temperature and the thresholds are
    chosen on every picture by networks that have not seen it, what cannot be told from the best being the plainest, and
    the card says how those networks do. suspects.csv lists pictures whose label may be wrong.

    Exit codes: 0 the bundle is written; 2 the data or the options cannot be used; 130 stopped by Ctrl-C.

    \b
    Example:
      bucketlens train photos/ --name flowers
      bucketlens train chest_xray/ --name chest_xray --limits limits.md --folds 5
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported, or it is too late
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    with silence():  # some of its greeting comes before any log level is read
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
            f"Stopped. Go on after the last whole epoch with the same options and: --out {shown(out)} --resume"
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
        group_by=_checked(options["group_by"]),
        start=read_start(folder_of(start_from)) if start_from else None,
        resume=resume,
        folds=options["folds"] or 0,
    )


def _check_folds(folds: int | None) -> None:
    """See that there are enough, and that no option was given that only counts without them."""
    if folds is None:
        return
    if folds < 2:
        fault = f"{folds} is too few: 2 or more are needed, so that no network judges what it was trained on"
        raise click.BadParameter(fault, param_hint="--folds")
    context = click.get_current_context()
    for name in ("validation_share", "patience"):
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = f"--{name.replace('_', '-')}"
            raise click.UsageError(f"{option} has no meaning with --folds, where every picture is judged; leave it out")


def _checked(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        fault = f"it is {pattern!r}, which is no regular expression ({error})"
        raise click.BadParameter(fault, param_hint="--group-by") from error
    return pattern
