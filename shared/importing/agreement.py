"""Compare a converted model with the original, both through the code that serves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from shared.inference.classifier import Classifier
from shared.types import Classification, Pixels


@dataclass(frozen=True, slots=True)
class Agreement:
    """The agreement of two models on the same pictures."""

    pictures: int
    same_label: float
    """Share of the pictures, 0 to 1."""
    mean_score_difference: float
    """Over every label of every picture."""
    largest_score_difference: float

    def as_json(self) -> dict[str, Any]:
        """Return the agreement as in the manifest."""
        return asdict(self)

    def __str__(self) -> str:
        return (
            f"the same label for {self.same_label:.1%} of {self.pictures} pictures, scores differ by "
            f"{self.mean_score_difference:.4f} in the mean and {self.largest_score_difference:.4f} at most"
        )


def compare(
    original: Classifier, other: Classifier, pictures: Sequence[Pixels], on_picture: Callable[[], None]
) -> Agreement:
    """Compare the answers of both for every picture; ``on_picture`` is called after each."""
    same, differences = 0, []
    for pixels in pictures:
        first, second = original.classify(pixels), other.classify(pixels)
        same += first.label == second.label
        differences.append(_scores(original, first) - _scores(original, second))
        on_picture()
    apart = np.abs(np.array(differences))
    return Agreement(len(pictures), round(same / len(pictures), 4), _rounded(apart.mean()), _rounded(apart.max()))


def _scores(classifier: Classifier, classification: Classification) -> np.ndarray[Any, np.dtype[np.float64]]:
    by_label = {candidate.label: candidate.score for candidate in classification.candidates}
    return np.array([by_label[label] for label in classifier.bundle.manifest.labels])


def _rounded(value: float) -> float:
    return round(float(value), 5)
