"""Scores add up to one and are listed best first, for any outputs and any number of labels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.bundles.bundle import load_bundle
from shared.bundles.folders import MODELS
from shared.bundles.manifest import Manifest, Threshold
from shared.inference.classifier import calibrate_scores, decide_label
from shared.settings import DEFAULT_BUNDLE
from tests.properties import FEW

MANIFEST = load_bundle(MODELS / DEFAULT_BUNDLE).manifest
logits = st.lists(st.floats(-40, 40, width=32), min_size=2, max_size=12)
temperatures = st.floats(0.25, 16)
probabilities = st.floats(0, 1, width=32)


def array(numbers: list[float]) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.asarray(numbers, np.float32)


def manifest_of(labels: int, **changes: Any) -> Manifest:
    names = tuple(f"label {labels - number}" for number in range(labels))  # not in alphabetical order
    return replace(MANIFEST, labels=names, **({"threshold": None} | changes))


@FEW
@given(logits, temperatures)
def test_scores_are_between_0_and_1_and_add_up_to_1(outputs: list[float], temperature: float) -> None:
    scores = calibrate_scores(array(outputs), "logits", temperature)
    assert scores.dtype == np.float32
    assert ((scores >= 0) & (scores <= 1)).all()
    assert scores.sum(dtype=np.float64) == pytest.approx(1, abs=1e-6)


@FEW
@given(logits, temperatures)
def test_calibration_keeps_the_order(outputs: list[float], temperature: float) -> None:
    scores = calibrate_scores(array(outputs), "logits", temperature)
    order = np.argsort(array(outputs), kind="stable")
    assert (np.diff(scores[order]) >= 0).all()


@FEW
@given(logits, temperatures, temperatures)
def test_higher_temperature_never_raises_the_best_score(outputs: list[float], first: float, second: float) -> None:
    low, high = sorted((first, second))
    best = [calibrate_scores(array(outputs), "logits", temperature).max() for temperature in (low, high)]
    assert best[0] >= best[1] - 1e-6


@FEW
@given(logits, temperatures)
def test_scores_are_the_softmax_of_logits_over_temperature(outputs: list[float], temperature: float) -> None:
    odds = [np.exp((np.float64(np.float32(output)) - max(outputs)) / temperature) for output in outputs]
    scores = calibrate_scores(array(outputs), "logits", temperature)
    assert scores.tolist() == pytest.approx([share / sum(odds) for share in odds], abs=1e-6)


@FEW
@given(logits)
def test_softmax_probabilities_are_the_scores_at_temperature_1(outputs: list[float]) -> None:
    softmax = calibrate_scores(array(outputs), "logits", 1.0)
    assert calibrate_scores(softmax, "softmax", 1.0).tolist() == pytest.approx(softmax.tolist(), abs=1e-5)


@FEW
@given(st.floats(-30, 30, width=32), temperatures)
def test_scores_of_a_single_output_are_the_second_labels(logit: float, temperature: float) -> None:
    scores = calibrate_scores(array([logit]), "logits", temperature, labels=2)
    assert scores.tolist() == calibrate_scores(array([0.0, logit]), "logits", temperature).tolist()
    probability = 1 / (1 + np.exp(-np.float64(logit)))
    of_a_sigmoid = calibrate_scores(array([probability]), "sigmoid", 1.0, labels=2)
    assert of_a_sigmoid.tolist() == pytest.approx([1 - probability, probability], abs=1e-5)


@FEW
@given(st.lists(probabilities, min_size=1, max_size=12))
def test_labels_are_each_listed_once_best_first(scores: list[float]) -> None:
    manifest = manifest_of(len(scores))
    classification = decide_label(array(scores), manifest)
    listed = [candidate.score for candidate in classification.candidates]
    assert listed == sorted(listed, reverse=True)
    kept = [float(score) for score in array(scores)]
    assert dict(zip(manifest.labels, kept, strict=True)) == {
        candidate.label: candidate.score for candidate in classification.candidates
    }
    assert (classification.label, classification.score) == (classification.candidates[0].label, max(kept))


@FEW
@given(st.lists(st.sampled_from([0.1, 0.2, 0.3]), min_size=2, max_size=8))
def test_labels_of_equal_scores_keep_the_manifests_order(scores: list[float]) -> None:
    manifest = manifest_of(len(scores))
    candidates = decide_label(array(scores), manifest).candidates
    order = [manifest.labels.index(candidate.label) for candidate in candidates]
    expected = sorted(range(len(scores)), key=lambda index: (-scores[index], index))
    assert order == expected


@FEW
@given(probabilities, probabilities)
def test_review_is_needed_below_its_limit_only(score: float, limit: float) -> None:
    classification = decide_label(array([score]), manifest_of(1, review_below=limit))
    assert classification.needs_review == (score < limit)


@FEW
@given(probabilities, st.floats(0.0625, 0.9375, width=32), st.integers(0, 1), st.booleans())
def test_threshold_decides_by_the_positive_labels_score_alone(
    score: float, limit: float, positive: int, exactly: bool
) -> None:
    score = limit if exactly else score
    scores = [1 - score, score] if positive else [score, 1 - score]
    manifest = manifest_of(2)
    manifest = replace(manifest, threshold=Threshold(manifest.labels[positive], limit))
    classification = decide_label(array(scores), manifest)
    expected = positive if score >= limit else 1 - positive
    assert classification.label == manifest.labels[expected]
    assert classification.score == classification.candidates[0].score == array(scores)[expected]
    assert {candidate.label for candidate in classification.candidates} == set(manifest.labels)


@FEW
@given(logits, st.integers(0, 11), st.sampled_from([np.nan, np.inf, -np.inf]))
def test_scores_of_outputs_that_are_not_finite_raise(outputs: list[float], index: int, number: float) -> None:
    outputs[index % len(outputs)] = number
    with pytest.raises(RuntimeError, match="1 of the model's"):
        calibrate_scores(array(outputs), "logits", 1.0)
