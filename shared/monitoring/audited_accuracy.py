"""Accuracy, precision, recall, F1 and AUC of the audit sample, each with a 95 % interval.

The sample is uniform, so these figures are unbiased for all uploads. Labels of the review queue alone are of the
hardest pictures, and would show a model far worse than it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from shared.monitoring.window import AuditedPictures, Bools, Floats
from shared.release.confidence_bounds import Z_TWO_SIDED as Z
from shared.release.confidence_bounds import area_interval, score_interval


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure with its 95 % interval, each 0 to 1."""

    value: float
    low: float
    high: float
    of: int
    """Pictures that it was counted on."""

    def __str__(self) -> str:
        return f"{self.value:.1%} ({self.low:.1%} to {self.high:.1%}) of {self.of}"


@dataclass(frozen=True, slots=True)
class LabelFigures:
    """Figures of a label; None where no picture decides it."""

    label: str
    precision: Measured | None
    """Of the pictures that were given the label, how many have it. Wilson's interval."""
    recall: Measured | None
    """Of the pictures that have the label, how many were given it. Wilson's interval."""
    f1: Measured | None
    """Harmonic mean of both; None where no picture has the label nor was given it."""
    auc: Measured | None
    """Chance that a picture with the label scores higher for it than another one; None without both kinds."""


@dataclass(frozen=True, slots=True)
class AuditedAccuracy:
    """Figures of the audit sample."""

    pictures: int
    unknown_labels: tuple[tuple[str, int], ...]
    """Labels that people gave and the model does not know, with their number of pictures, the most frequent first.

    These pictures count as wrong.
    """
    accuracy: Measured | None = None
    """None without pictures. Wilson's interval."""
    macro_f1: Measured | None = None
    """Mean F1 of the labels that people gave and the model knows; None without such."""
    by_label: tuple[LabelFigures, ...] = ()
    """In the bundle's order."""
    confusion: tuple[tuple[int, ...], ...] = ()
    """Rows: the label that a person gave, the last one for labels unknown to the model; columns: the model's label."""


def audited_accuracy(audit: AuditedPictures) -> AuditedAccuracy:
    """Compute the figures of an audit sample; the order of its pictures does not matter."""
    labels, n = audit.model_labels, len(audit)
    if not n:
        return AuditedAccuracy(0, ())
    columns = {label: column for column, label in enumerate(labels)}
    predicted = np.array([columns[label] for label in audit.predicted], np.int64)
    truths = np.array([columns.get(label, len(labels)) for label in audit.truths], np.int64)
    confusion = np.zeros((len(labels) + 1, len(labels)), np.int64)
    np.add.at(confusion, (truths, predicted), 1)
    by_label = tuple(
        _figures_of(label, confusion, column, _area(audit.candidates[:, column], truths == column))
        for column, label in enumerate(labels)
    )
    unknown = [label for label in audit.truths if label not in columns]
    return AuditedAccuracy(
        pictures=n,
        unknown_labels=tuple(
            sorted(((label, unknown.count(label)) for label in {*unknown}), key=lambda item: (-item[1], item[0]))
        ),
        accuracy=_share(int((predicted == truths).sum()), n),
        macro_f1=_macro_f1(by_label, truths, predicted),
        by_label=by_label,
        confusion=tuple(tuple(map(int, row)) for row in confusion),
    )


def _share(hits: int, of: int) -> Measured | None:
    return Measured(hits / of, *score_interval(hits / of, of, Z), of) if of else None


def _figures_of(label: str, confusion: np.ndarray, column: int, auc: Measured | None) -> LabelFigures:
    hits = int(confusion[column, column])
    with_label, given_label = int(confusion[column].sum()), int(confusion[:, column].sum())
    return LabelFigures(
        label, _share(hits, given_label), _share(hits, with_label), _f1(hits, with_label + given_label - hits), auc
    )


def _f1(hits: int, either: int) -> Measured | None:
    """Return F1 with an interval.

    Of the pictures that have the label or were given it, the share J with both is binomial, and F1 = 2 J / (1 + J)
    grows with it: so the ends of Wilson's interval of J become those of F1.

    Args:
        hits: pictures that have the label and were given it.
        either: pictures that have it, were given it, or both.
    """
    share = _share(hits, either)
    if share is None:
        return None
    value, low, high = (2 * end / (1 + end) for end in (share.value, share.low, share.high))
    return Measured(value, low, high, either)


def _area(scores: Floats, is_positive: Bools) -> Measured | None:
    """Return the area under the ROC curve of a label's scores, by the ranks of Mann and Whitney; ties count half."""
    positives, negatives = np.sort(scores[is_positive]), np.sort(scores[~is_positive])
    if not len(positives) or not len(negatives):
        return None
    below = np.searchsorted(negatives, positives, side="left") + np.searchsorted(negatives, positives, side="right")
    area = float(below.mean() / 2 / len(negatives))
    return Measured(area, *area_interval(area, len(positives), len(negatives), Z), len(scores))


def _macro_f1(by_label: tuple[LabelFigures, ...], truths: np.ndarray, predicted: np.ndarray) -> Measured | None:
    """Return the mean F1 of the labels that people gave, with an interval.

    Each end adds up the distances of the labels' own ends, with the correlation of their F1: Zou and Donner,
    "Construction of confidence limits about effect measures" (2008), https://doi.org/10.1002/sim.3095. A confusion of
    two labels lowers the F1 of both, so they are correlated.
    """
    present = [(column, figures.f1) for column, figures in enumerate(by_label) if figures.f1 and figures.recall]
    if not present:
        return None
    correlation = _correlation(np.stack([_influence(column, f1.value, truths, predicted) for column, f1 in present]))
    values, lows, highs = (np.array([getattr(f1, end) for _, f1 in present]) for end in ("value", "low", "high"))
    down, up = (
        sqrt(max(0.0, float(distances @ correlation @ distances))) / len(present)
        for distances in (values - lows, highs - values)
    )
    mean = float(values.mean())
    return Measured(mean, max(0.0, mean - down), min(1.0, mean + up), len(truths))


def _influence(column: int, f1: float, truths: np.ndarray, predicted: np.ndarray) -> Floats:
    """Return how much each picture moves a label's F1, up to a factor; shape (pictures,)."""
    has, was_given = truths == column, predicted == column
    moved: Floats = 2.0 * (has & was_given) - f1 * (has.astype(np.float64) + was_given)
    return moved


def _correlation(influences: Floats) -> Floats:
    """Return the correlation of the labels' figures; 0 between labels of which one is not moved by any picture."""
    centred = influences - influences.mean(axis=1, keepdims=True)
    covariance = centred @ centred.T
    deviations = np.sqrt(np.diagonal(covariance))
    scale = np.where(deviations > 0, 1 / np.where(deviations > 0, deviations, 1), 0)
    correlation: Floats = covariance * scale * scale[:, np.newaxis]
    np.fill_diagonal(correlation, 1.0)
    return correlation
