"""The threshold of two labels, and the figures that go with it."""

from __future__ import annotations

import numpy as np
import pytest

from shared.training.binary import Goal, best_threshold, binary_report

SICK = np.array([False] * 4 + [True] * 4)


def _normal(separation: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores of 2,000 negatives and 2,000 positives, whose logits are normal with a distance."""
    random = np.random.default_rng(seed)
    truth = np.repeat([False, True], 2000)
    logits = random.normal(0, 1, 4000) + np.where(truth, separation / 2, -separation / 2)
    return 1 / (1 + np.exp(-logits)), truth


def test_threshold_is_in_the_middle_of_two_separate_groups() -> None:
    scores = np.array([0.1, 0.1, 0.1, 0.1, 0.9, 0.9, 0.9, 0.9])

    assert best_threshold([scores], SICK, Goal()) == pytest.approx(0.5, abs=0.01)


def test_threshold_is_lower_for_more_sensitivity() -> None:
    scores, truth = _normal(separation=3)

    bold = best_threshold([scores], truth, Goal(0.9, 0.8))
    careful = best_threshold([scores], truth, Goal(0.98, 0.6))

    assert careful < bold - 0.1
    assert (scores[truth] >= careful).mean() >= 0.98


def test_threshold_reaches_sensitivity_with_one_standard_error_more() -> None:
    scores, truth = _normal(separation=4.5)

    threshold = best_threshold([scores], truth, Goal(0.95, 0.91))

    sensitivity, specificity = (scores[truth] >= threshold).mean(), (scores[~truth] < threshold).mean()
    bound = 0.95 + np.sqrt(0.95 * 0.05 / 2000)
    assert bound <= sensitivity < bound + 0.02
    assert specificity > sensitivity


def test_threshold_misses_both_goals_equally_where_it_must() -> None:
    scores, truth = _normal(separation=2)

    threshold = best_threshold([scores], truth, Goal(0.95, 0.91))

    sensitivity, specificity = (scores[truth] >= threshold).mean(), (scores[~truth] < threshold).mean()
    assert sensitivity - 0.95 == pytest.approx(specificity - 0.91, abs=0.01)
    assert sensitivity < 0.95


def test_threshold_rises_with_scores_that_drift_upwards() -> None:
    scores, truth = _normal(separation=4)
    odds = scores / (1 - scores) * np.e**2

    drifted = best_threshold([odds / (1 + odds)], truth, Goal())

    assert drifted > best_threshold([scores], truth, Goal()) + 0.2


def test_threshold_counts_harder_conditions_equally() -> None:
    scores, truth = _normal(separation=5)
    odds = scores / (1 - scores) / np.e**2  # seen worse, positives score lower

    threshold = best_threshold([scores, odds / (1 + odds)], truth, Goal(0.95, 0.91))

    both = np.concatenate([scores[truth], (odds / (1 + odds))[truth]])
    assert (both >= threshold).mean() >= 0.95
    assert threshold < best_threshold([scores], truth, Goal(0.95, 0.91)) - 0.1


def test_binary_report_counts_the_predicted_label() -> None:
    scores = np.array([0.1, 0.2, 0.3, 0.8, 0.4, 0.7, 0.8, 0.9])

    report = binary_report("sick", 0.5, scores, SICK, scores >= 0.5)

    assert (report.sensitivity, report.specificity) == (0.75, 0.75)
    assert report.auc == pytest.approx(13.5 / 16, abs=1e-4)  # of 16 pairs one is a tie and two are the wrong way round


def test_binary_report_has_no_auc_without_both_labels() -> None:
    report = binary_report("sick", 0.5, np.array([0.2, 0.9]), np.array([True, True]), np.array([False, True]))

    assert (report.auc, report.sensitivity, report.specificity) == (None, 0.5, None)
