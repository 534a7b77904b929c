"""What the networks of the folds said of the pictures that they had not seen: kept beside a bundle, never served.

A network that was trained on everything cannot be measured on its own pictures. What stands in its card was said by
networks of the same recipe, each of a fold's pictures; this file keeps it, so that anybody can compute it again.
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
"""Of a logit. Every figure of out-of-fold pictures is computed from the rounded ones, so that it comes out again."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One picture."""

    sha256: str
    """Of the file's bytes."""
    label: str
    """The true one."""
    fold: int
    """Whose network judged it, from 1."""
    logits: tuple[float, ...]
    """Of the int8 network, through the serving path, in the order of the labels."""


def is_in_folds(manifest: Manifest) -> bool:
    """Return whether a bundle was trained on everything and measured out of fold."""
    return bool(manifest.lineage.get("folds"))


def judged_by(fold: int, examples: Sequence[Example], logits: npt.NDArray[np.floating]) -> list[Judged]:
    """Put together the pictures of one fold and the logits of its network, shape (n, labels)."""
    rounded = np.round(logits.astype(np.float64), DIGITS).tolist()
    return [Judged(one.sha256, one.label, fold, tuple(row)) for one, row in zip(examples, rounded, strict=True)]


def logits_of(judged: Sequence[Judged]) -> npt.NDArray[np.float64]:
    """Return the logits, shape (n, labels)."""
    return np.array([one.logits for one in judged], np.float64)


def said_of(judged: Sequence[Judged], manifest: Manifest) -> list[Classification]:
    """Return what a bundle's temperature and thresholds make of the logits."""
    return decisions(logits_of(judged), manifest)


def write_out_of_fold(folder: Path, judged: Sequence[Judged], labels: Sequence[str]) -> dict[str, str]:
    """Write the file into a bundle's folder, and return its name and sha256 for the lineage.

    Args:
        folder: the bundle's.
        judged: in any order; written by sha256, and a picture that lies there twice has two lines.
        labels: the order of the logits.
    """
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow([*COLUMNS, *(f"logit of {label}" for label in labels)])
    for one in sorted(judged, key=lambda one: (one.sha256, one.fold)):
        lines.writerow([one.sha256, one.label, one.fold, *(f"{value:.{DIGITS}f}" for value in one.logits)])
    (folder / FILE).write_text(text.getvalue(), "utf-8")
    return {"file": FILE, "sha256": digest_of(folder / FILE)}


def read_out_of_fold(folder: Path, manifest: Manifest) -> list[Judged]:
    """Read what the networks of the folds said, checked against the bundle's lineage.

    Args:
        folder: the bundle's.
        manifest: of a bundle that was trained in folds.

    Raises:
        Misconfigured: the file is not there, is not the one that the lineage names, or has a picture in two folds.
    """
    name, about = f"{manifest.name} {manifest.version}", f"the out-of-fold predictions in {folder}"
    kept: dict[str, Any] = dict(manifest.lineage.get("out_of_fold", {}))
    file = folder / str(kept.get("file", FILE))
    if not file.is_file():
        fault = f"{name} was trained on all of its pictures, and {file.name}, which says how it does, is not there"
        raise Misconfigured(about, [f"{fault}; take the whole folder that training wrote, or leave --held-out away"])
    if digest_of(file) != kept.get("sha256"):
        fault = f"{file.name} is not the file that the lineage of {name} names; take the one that training wrote"
        raise Misconfigured(about, [fault])
    with file.open(encoding="utf-8", newline="") as lines:
        header, *rows = list(csv.reader(lines))
    width = len(COLUMNS)
    judged = [Judged(row[0], row[1], int(row[2]), tuple(map(float, row[width:]))) for row in rows]
    if len(header) != width + len(manifest.labels) or {one.label for one in judged} - set(manifest.labels):
        raise Misconfigured(about, [f"{file.name} has other labels than {name}"])
    in_folds = Counter(sha256 for sha256, _ in {(one.sha256, one.fold) for one in judged})
    if twice := [sha256 for sha256, count in in_folds.items() if count > 1]:
        raise Misconfigured(about, [f"{file.name} has the picture {twice[0][:12]}… in two folds; train again"])
    return judged
