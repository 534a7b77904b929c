"""Labels that may be wrong: pictures to which networks that had not seen them give another label with confidence.

The rule is that of confident learning (Northcutt et al., 2021): another label's score is at least the mean score that
the pictures of that label have. No picture is left out because of it; a person decides.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from shared.training.calibration import probabilities
from shared.training.out_of_fold import Judged, logits_of

FILE = "suspects.csv"
COLUMNS = ("file", "sha256", "label", "score", "rather", "score_of_that", "fold")


def suspects(
    judged: Sequence[Judged], labels: Sequence[str], temperature: float
) -> list[tuple[Judged, float, str, float]]:
    """Find pictures whose label may be wrong.

    Args:
        judged: each picture out of fold.
        labels: the order of the logits.
        temperature: the bundle's temperature.

    Returns:
        Picture, score of its label, the likelier label, score of that label; the likeliest mistakes first.
    """
    scores = probabilities(logits_of(judged), temperature)
    targets = np.array([labels.index(picture.label) for picture in judged])
    usual = np.array(
        [
            scores[targets == column, column].mean() if (targets == column).any() else 1.0
            for column in range(len(labels))
        ]
    )
    mistakes = []
    for picture, row, target in zip(judged, scores, targets, strict=True):
        best = int(row.argmax())
        if best != target and row[best] >= usual[best]:
            mistakes.append((picture, float(row[target]), labels[best], float(row[best])))
    return sorted(mistakes, key=lambda line: (line[1], line[0].sha256))


def write_suspects(
    path: Path, judged: Sequence[Judged], labels: Sequence[str], temperature: float, names: Mapping[str, str]
) -> int:
    """Write the list as CSV, and return its length.

    Args:
        path: the file to write. It names files of the data, so it must stay with the data.
        judged: each picture out of fold.
        labels: the order of the logits.
        temperature: the bundle's temperature.
        names: sha256 to the file's path in the data folder.
    """
    mistakes = suspects(judged, labels, temperature)
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(COLUMNS)
        for picture, score, rather, score_of_that in mistakes:
            facts = (names[picture.sha256], picture.sha256, picture.label, f"{score:.4f}")
            lines.writerow([*facts, rather, f"{score_of_that:.4f}", picture.fold])
    return len(mistakes)
