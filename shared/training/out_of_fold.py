"""Out-of-fold predictions: the folds' networks on pictures they had not seen, kept in the bundle and never served.

A network that was trained on everything cannot be measured on its own pictures. The figures in its card are of networks
of the same recipe, each on its fold's pictures; this file keeps their outputs, so that the figures can be recomputed.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shared.bundles.bundle import digest_of
from shared.bundles.manifest import Manifest
from shared.errors import Misconfigured
from shared.training.dataset import Example
from shared.training.decision import decisions
from shared.types import Classification

FILE = "out_of_fold.csv"
COLUMNS = ("sha256", "label", "fold")
DIGITS = 4
"""Decimals of a logit. All out-of-fold figures are computed from the rounded logits, so they are reproducible."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A picture with the outputs of its fold's network."""

    sha256: str
    """The sha256 of the file's bytes."""
    label: str
    """The true label."""
    fold: int
    """The fold whose network judged it, from 1."""
    logits: tuple[float, ...]
    """The int8 network's logits, through the serving path, in the order of the labels."""


def is_in_folds(manifest: Manifest) -> bool:
    """Return whether a bundle was trained on everything and measured out of fold."""
    return bool(manifest.lineage.get("folds"))


def judged_by(fold: int, examples: Sequence[Example], logits: npt.NDArray[np.floating]) -> list[Judged]:
    """Combine the pictures of one fold with the logits of its network, shape (n, labels)."""
    rounded = np.round(logits.astype(np.float64), DIGITS).tolist()
    return [
        Judged(picture.sha256, picture.label, fold, tuple(row)) for picture, row in zip(examples, rounded, strict=True)
    ]


def logits_of(judged: Sequence[Judged]) -> npt.NDArray[np.float64]:
    """Return the logits, shape (n, labels)."""
    return np.array([picture.logits for picture in judged], np.float64)


def classifications_of(judged: Sequence[Judged], manifest: Manifest) -> list[Classification]:
    """Classify the logits by a bundle's temperature and thresholds."""
    return decisions(logits_of(judged), manifest)


def write_out_of_fold(folder: Path, judged: Sequence[Judged], labels: Sequence[str]) -> dict[str, str]:
    """Write the file into a bundle's folder, and return its name and sha256 for the lineage.

    Args:
        folder: the bundle's folder.
        judged: in any order; sorted by sha256 in the file, where a picture that occurs twice has two lines.
        labels: the order of the logits.
    """
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow([*COLUMNS, *(f"logit of {label}" for label in labels)])
    for picture in sorted(judged, key=lambda picture: (picture.sha256, picture.fold)):
        lines.writerow(
            [picture.sha256, picture.label, picture.fold, *(f"{value:.{DIGITS}f}" for value in picture.logits)]
        )
    (folder / FILE).write_text(text.getvalue(), "utf-8")
    return {"file": FILE, "sha256": digest_of(folder / FILE)}


def read_out_of_fold(folder: Path, manifest: Manifest) -> list[Judged]:
    """Read the out-of-fold predictions, checked against the bundle's lineage.

    Args:
        folder: the bundle's folder.
        manifest: the manifest of a bundle that was trained in folds.

    Raises:
        Misconfigured: the file is missing, differs from the lineage's digest, or has a picture in two folds.
    """
    name, about = f"{manifest.name} {manifest.version}", f"the out-of-fold predictions in {folder}"
    kept: dict[str, Any] = dict(manifest.lineage.get("out_of_fold", {}))
    file = folder / str(kept.get("file", FILE))
    if not file.is_file():
        fault = f"{name} was trained on all of its pictures, and {file.name} with its figures is missing"
        raise Misconfigured(about, [f"{fault}; use the whole folder that training wrote, or leave out --held-out"])
    if digest_of(file) != kept.get("sha256"):
        fault = f"{file.name} is not the file that the lineage of {name} names; use the file that training wrote"
        raise Misconfigured(about, [fault])
    with file.open(encoding="utf-8", newline="") as lines:
        header, *rows = list(csv.reader(lines))
    width = len(COLUMNS)
    judged = [Judged(row[0], row[1], int(row[2]), tuple(map(float, row[width:]))) for row in rows]
    if len(header) != width + len(manifest.labels) or {picture.label for picture in judged} - set(manifest.labels):
        raise Misconfigured(about, [f"{file.name} has other labels than {name}"])
    in_folds = Counter(sha256 for sha256, _ in {(picture.sha256, picture.fold) for picture in judged})
    if twice := [sha256 for sha256, count in in_folds.items() if count > 1]:
        raise Misconfigured(about, [f"{file.name} has the picture {twice[0][:12]}… in two folds; train again"])
    return judged
