"""``bucketlens train``."""

from __future__ import annotations

import logging
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from shared.bundle import FILTERS, FITS, MANIFEST
from shared.cli.options import console, remarks
from shared.errors import Misconfigured
from shared.settings import MODELS

if TYPE_CHECKING:
    from shared.bundle import Bundle
    from shared.training.report import Report
    from shared.training.train import Request

SHARE = click.FloatRange(0, 1)
LARGER = (15 / 14, 8 / 7)
"""Serving sizes to try, as a share of the training size: 240 and 256 for 224."""


@click.command("train", short_help="Make a model bundle from a labelled folder.")
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--name", required=True, help="What the model is called, such as flowers.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Folder.  [default: shared/models/NAME_vN]"
)
@click.option("--description", default="", help="One sentence for the model card.")
@click.option("--resume", is_flag=True, help="Go on with a stopped run; give the same options.")
@click.option("--epochs", default=14, show_default=True, type=click.IntRange(1))
@click.option("--patience", default=8, show_default=True, help="Stop so many epochs after the chosen one.")
@click.option("--seed", default=1, show_default=True)
@click.option("--image-size", default=224, show_default=True, type=click.IntRange(32, 1024), help="Edge in pixels.")
@click.option(
    "--serve-size",
    "serve_sizes",
    multiple=True,
    type=click.IntRange(32, 1024),
    help="Sizes that serving may use; validation chooses.  [default: image size, 7 % and 14 % more]",
)
@click.option(
    "--fit", default="crop", show_default=True, type=click.Choice(FITS), help="How a picture becomes a square."
)
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
@click.option("--balanced", is_flag=True, help="Draw every label equally often, where some are rare.")
@click.option("--smallest-crop", default=0.3, show_default=True, type=SHARE, help="Share of the area.")
@click.option("--flip/--no-flip", default=True, show_default=True, help="Mirror half of the pictures.")
@click.option("--brightness", default=0.25, show_default=True, type=SHARE)
@click.option("--contrast", default=0.25, show_default=True, type=SHARE)
@click.option("--saturation", default=0.25, show_default=True, type=SHARE)
@click.option("--erase", default=0.25, show_default=True, type=SHARE, help="Chance to hide a rectangle.")
@click.option("--mixup", default=0.2, show_default=True, help="Alpha; 0 mixes nothing.")
@click.option(
    "--validation-share", default=0.1, show_default=True, type=click.FloatRange(0, 0.9), help="Of each label."
)
@click.option("--review-accuracy", default=0.995, show_default=True, type=SHARE, help="Wanted of what needs no review.")
def command(data: Path, out: Path | None, resume: bool, **options: Any) -> None:
    """Fine-tune EfficientNet-Lite0 on DATA, a folder with one sub-folder a label, and export an int8 bundle.

    Files that do not decode are named and left out. Of the epochs that do as well as the best on pictures
    held out, the last is kept. A run that was
    stopped, by Ctrl-C or otherwise, goes on after its last whole epoch with --resume.

    Exit codes: 0 the bundle is written; 2 the data or the options cannot be used; 130 stopped by Ctrl-C.

    \b
    Example:
      bucketlens train photos/ --name flowers
      bucketlens train scans/ --name lungs --fit stretch --balanced --saturation 0
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported, or it is too late
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    from shared.training.progress import Terminal
    from shared.training.train import train

    out = out or _next_folder(options["name"])
    try:
        with Terminal(remarks, options["epochs"]) as watcher:
            bundle, report = train(_request(data, out, resume, options), watcher)
    except Misconfigured as error:
        raise click.UsageError(str(error)) from error
    except KeyboardInterrupt:
        remarks.print(f"Stopped. Go on after the last whole epoch with the same options and: --out {out} --resume")
        sys.exit(130)
    _summarise(bundle, report)


def _next_folder(name: str) -> Path:
    """The first version without a manifest, so that a stopped run is found again."""
    version = 1
    while (MODELS / f"{name}_v{version}" / MANIFEST).exists():
        version += 1
    return MODELS / f"{name}_v{version}"


def _request(data: Path, out: Path, resume: bool, options: dict[str, Any]) -> Request:
    from shared.training.augmentation import Augmentation
    from shared.training.export import Plan
    from shared.training.fit import Recipe
    from shared.training.train import Request

    size = options["image_size"]
    sizes = options["serve_sizes"] or {round(size * share / 8) * 8 for share in LARGER} | {size}
    version = re.search(r"_v(\w+)$", out.name)
    plan = Plan(
        name=options["name"],
        version=version[1] if version else "1",
        description=options["description"],
        serve_sizes=tuple(sorted(sizes)),
        review_accuracy=options["review_accuracy"],
    )
    augmentation = Augmentation(**_of(Augmentation, options))
    return Request(
        data=data,
        out=out,
        plan=plan,
        recipe=Recipe(**_of(Recipe, options), augmentation=augmentation),
        validation_share=options["validation_share"],
        options={"data": data.resolve().name, **options},
        resume=resume,
    )


def _of(kind: Any, options: dict[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in kind.__dataclass_fields__ if name in options}


def _summarise(bundle: Bundle, report: Report) -> None:
    manifest = bundle.manifest
    console.print(
        f"{bundle.folder}: accuracy {report.accuracy:.1%}, macro F1 {report.macro_f1:.3f}, calibration error "
        f"{report.ece:.3f} on {report.images} validation pictures, int8 at {manifest.input.width_px} px; "
        f"below {manifest.review_below:.2f} a person looks ({report.needs_review:.1%})",
        soft_wrap=True,
        highlight=False,
    )
    console.print(
        f"Check it on other pictures: bucketlens evaluate {bundle.folder} DATA", soft_wrap=True, highlight=False
    )
