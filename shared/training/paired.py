"""Choose by pictures that no candidate was trained on: the plainest that does not differ clearly from the best."""

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
    """A candidate's figures on the pictures that all candidates were measured on."""

    value: float
    """The tried value: a share of the fine-tuned weights, or an edge in pixels."""
    accuracy: float
    nll: float
    """Negative log-likelihood after temperature scaling, in nats."""
    more_than_best: float
    """Its loss minus the least loss, in nats."""
    error: float
    """Standard error of that difference, paired picture by picture; 0 for the best itself."""


def compare_candidates(candidates: Sequence[tuple[float, Logits]], targets: Targets) -> list[Tried]:
    """Compare candidates on the same pictures.

    Args:
        candidates: each tried value with its logits, shape (n, labels); at least one.
        targets: index of the true label, shape (n,).

    Returns:
        The figures of each candidate, in the same order.
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


def plainest_candidate(tried: Sequence[Tried]) -> Tried:
    """Return the first candidate whose loss is at most one standard error above the least.

    Breiman et al., "Classification and Regression Trees" (1984), section 3.4.3, with the error of the difference on
    the same pictures, which is smaller than that of either figure.

    Args:
        tried: the plainest first, at least one.
    """
    return next(candidate for candidate in tried if candidate.more_than_best <= candidate.error)
