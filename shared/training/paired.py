"""Choosing by pictures that no candidate was trained on: the plainest that cannot be told from the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shared.training.calibration import best_temperature, losses_of

Logits = npt.NDArray[np.floating]
Targets = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tried:
    """How one candidate does on the pictures that all candidates were judged on."""

    value: float
    """What was tried: a share of the fine-tuned weights, or an edge in pixels."""
    accuracy: float
    nll: float
    """Negative log-likelihood after temperature scaling, in nats."""
    more_than_best: float
    """By how much its loss is above the least, in nats."""
    error: float
    """Standard error of that difference, paired picture by picture; 0 of the best itself."""


def judged(candidates: Sequence[tuple[float, Logits]], targets: Targets) -> list[Tried]:
    """Compare candidates on the same pictures.

    Args:
        candidates: what was tried, and its logits, shape (n, labels); at least one.
        targets: index of the true label, shape (n,).

    Returns:
        One line a candidate, in their order.
    """
    losses = [losses_of(logits, targets, best_temperature(logits, targets)) for _, logits in candidates]
    best = min(losses, key=lambda loss: float(loss.mean()))
    lines = []
    for (value, logits), loss in zip(candidates, losses, strict=True):
        more = loss - best
        error = float(more.std(ddof=1) / np.sqrt(len(more))) if len(more) > 1 else 0.0
        accuracy = float((logits.argmax(axis=1) == targets).mean())
        figures = (accuracy, float(loss.mean()), float(more.mean()), error)
        lines.append(Tried(value, *(round(figure, 4) for figure in figures)))
    return lines


def plainest(tried: Sequence[Tried]) -> Tried:
    """Return the first whose loss is no more than one standard error above the least.

    Breiman et al., "Classification and Regression Trees" (1984), section 3.4.3, with the error of the difference on
    the same pictures, which is smaller than that of either figure.

    Args:
        tried: the plainest first, at least one.
    """
    return next(one for one in tried if one.more_than_best <= one.error)
