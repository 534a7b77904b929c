"""Temperature, threshold and review score follow from labelled pictures, each for the label that it is about."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shared.bundles.bundle import load_bundle
from shared.bundles.folders import MODELS
from shared.training.binary import Goal, best_threshold
from shared.training.calibration import best_temperature
from shared.training.dataset import Example, _without_contradictions
from shared.training.decision import Aim, with_decision

PLAIN = replace(load_bundle(MODELS / "flowers_v1").manifest, threshold=None)
TWO = replace(PLAIN, labels=("cat", "dog"))


def logits_of(chances: list[float]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Logits whose softmax gives the second label these scores."""
    second = np.array(chances)
    return np.asarray(np.log(np.stack([1 - second, second], axis=1)))


def test_decision_uses_the_true_label_under_every_condition() -> None:
    """The copies under harder conditions follow each other whole: the first picture's truth is first again."""
    targets = np.array([0, 0, 1, 1])
    as_they_are, harder = logits_of([0.1, 0.1, 0.9, 0.9]), logits_of([0.2, 0.2, 0.8, 0.8])
    both = np.concatenate([as_they_are, harder])
    decided = with_decision(TWO, [as_they_are, harder], targets, Aim())
    assert decided.temperature == best_temperature(both, np.array([0, 0, 1, 1, 0, 0, 1, 1]))
    assert decided.temperature < 0.2


@pytest.mark.parametrize("positive", ["cat", "dog"])
def test_decision_threshold_is_of_the_positive_labels_score(positive: str) -> None:
    """The dogs' scores lie at 0.6 and above, the cats' of the same label at 0.55 and below."""
    generator = np.random.default_rng(0)
    dogs, cats = generator.uniform(0.6, 0.99, 200), generator.uniform(0.3, 0.55, 200)
    targets = np.array([1] * 200 + [0] * 200)
    decided = with_decision(TWO, [logits_of([*dogs, *cats])], targets, Aim(positive))
    assert decided.threshold is not None
    assert decided.threshold.positive == positive
    scores = np.array([*dogs, *cats]) if positive == "dog" else 1 - np.array([*dogs, *cats])
    odds = (scores / (1 - scores)) ** (1 / decided.temperature)
    predicted_label = odds / (1 + odds) >= decided.threshold.score
    assert (predicted_label == (targets == TWO.labels.index(positive))).mean() > 0.97


def test_decision_review_limit_is_of_the_predicted_labels_score() -> None:
    """With a threshold that may be the smaller score: 0.4 of the dog that is given, not 0.6 of the cat that is not."""
    generator = np.random.default_rng(1)
    dogs, cats = generator.uniform(0.35, 0.99, 400), generator.uniform(0.01, 0.5, 400)
    targets = np.array([1] * 400 + [0] * 400)
    aim = Aim("dog", Goal(sensitivity=0.99, specificity=0.3), review_accuracy=0.9)
    decided = with_decision(TWO, [logits_of([*dogs, *cats])], targets, aim)
    assert decided.threshold is not None
    odds = (np.array([*dogs, *cats]) / (1 - np.array([*dogs, *cats]))) ** (1 / decided.temperature)
    scores = odds / (1 + odds)
    is_dog = scores >= decided.threshold.score
    assert decided.threshold.score < 0.5
    predicted, correct = np.where(is_dog, scores, 1 - scores), is_dog == (targets == 1)
    expected = next(
        (score for score in np.arange(0.5, 0.95, 0.01).round(2) if correct[predicted >= score].mean() >= 0.9),
        0.95,
    )
    assert decided.review_below == pytest.approx(expected)


def test_threshold_margin_is_of_the_positive_pictures() -> None:
    """A hundred positive pictures among ten thousand: the error is that of a hundred."""
    generator = np.random.default_rng(2)
    truth = np.array([True] * 100 + [False] * 10_000)
    scores = np.where(truth, generator.beta(6, 2, 10_100), generator.beta(2, 6, 10_100))
    threshold = best_threshold([scores], truth, Goal(sensitivity=0.9, specificity=0.05))
    reached = (scores[truth] >= threshold).mean()
    assert reached >= 0.9 + np.sqrt(0.9 * 0.1 / 100) - 0.011


def test_dataset_has_no_example_under_two_labels() -> None:
    pixels = np.zeros((4, 4, 3), np.uint8)
    kept = Example(Path("a.png"), "cat", "1" * 64, pixels)
    first, second = (Example(Path(f"{label}.png"), label, "2" * 64, pixels) for label in ("cat", "dog"))
    examples, bad = _without_contradictions([first, kept, second])
    assert examples == [kept]
    assert [example.path for example in bad] == [first.path, second.path]
