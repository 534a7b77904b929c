"""Scores add up to one and are listed best first, whatever the model returns and however many labels it has."""

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
from shared.inference.classifier import calibrated, decided
from shared.settings import DEFAULT_BUNDLE
from tests.properties import FEW

MANIFEST = load_bundle(MODELS / DEFAULT_BUNDLE).manifest
logits = st.lists(st.floats(-40, 40, width=32), min_size=2, max_size=12)
temperatures = st.floats(0.25, 16)
probabilities = st.floats(0, 1, width=32)


def array(numbers: list[float]) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.asarray(numbers, np.float32)


def manifest_of(labels: int, **changes: Any) -> Manifest:
    names = tuple(f"label {labels - number}" for number in range(labels))  # not in the alphabet's order
    return replace(MANIFEST, labels=names, **({"threshold": None} | changes))


@FEW
@given(logits, temperatures)
def test_scores_are_between_0_and_1_and_add_up_to_1(outputs: list[float], temperature: float) -> None:
    scores = calibrated(array(outputs), "logits", temperature)
    assert scores.dtype == np.float32
    assert ((scores >= 0) & (scores <= 1)).all()
    assert scores.sum(dtype=np.float64) == pytest.approx(1, abs=1e-6)


@FEW
@given(logits, temperatures)
def test_calibration_keeps_the_order(outputs: list[float], temperature: float) -> None:
    scores = calibrated(array(outputs), "logits", temperature)
    order = np.argsort(array(outputs), kind="stable")
    assert (np.diff(scores[order]) >= 0).all()


@FEW
@given(logits, temperatures, temperatures)
def test_a_higher_temperature_is_never_surer(outputs: list[float], one: float, other: float) -> None:
    low, high = sorted((one, other))
    best = [calibrated(array(outputs), "logits", temperature).max() for temperature in (low, high)]
    assert best[0] >= best[1] - 1e-6


@FEW
@given(logits, temperatures)
def test_scores_are_those_of_the_softmax_of_logits_by_the_temperature(outputs: list[float], temperature: float) -> None:
    odds = [np.exp((np.float64(np.float32(one)) - max(outputs)) / temperature) for one in outputs]
    scores = calibrated(array(outputs), "logits", temperature)
    assert scores.tolist() == pytest.approx([one / sum(odds) for one in odds], abs=1e-6)


@FEW
@given(logits)
def test_probabilities_of_a_softmax_are_their_own_scores_at_temperature_1(outputs: list[float]) -> None:
    given_out = calibrated(array(outputs), "logits", 1.0)
    assert calibrated(given_out, "softmax", 1.0).tolist() == pytest.approx(given_out.tolist(), abs=1e-5)


@FEW
@given(st.floats(-30, 30, width=32), temperatures)
def test_one_output_is_of_the_second_of_two_labels(logit: float, temperature: float) -> None:
    scores = calibrated(array([logit]), "logits", temperature, labels=2)
    assert scores.tolist() == calibrated(array([0.0, logit]), "logits", temperature).tolist()
    probability = 1 / (1 + np.exp(-np.float64(logit)))
    of_a_sigmoid = calibrated(array([probability]), "sigmoid", 1.0, labels=2)
    assert of_a_sigmoid.tolist() == pytest.approx([1 - probability, probability], abs=1e-5)


@FEW
@given(st.lists(probabilities, min_size=1, max_size=12))
def test_every_label_is_listed_once_with_its_score_the_best_first(scores: list[float]) -> None:
    manifest = manifest_of(len(scores))
    found = decided(array(scores), manifest)
    listed = [candidate.score for candidate in found.candidates]
    assert listed == sorted(listed, reverse=True)
    kept = [float(score) for score in array(scores)]
    assert dict(zip(manifest.labels, kept, strict=True)) == {
        candidate.label: candidate.score for candidate in found.candidates
    }
    assert (found.label, found.score) == (found.candidates[0].label, max(kept))


@FEW
@given(st.lists(st.sampled_from([0.1, 0.2, 0.3]), min_size=2, max_size=8))
def test_of_equal_scores_the_manifests_first_label_comes_first(scores: list[float]) -> None:
    manifest = manifest_of(len(scores))
    found = decided(array(scores), manifest).candidates
    places = [manifest.labels.index(candidate.label) for candidate in found]
    expected = sorted(range(len(scores)), key=lambda place: (-scores[place], place))
    assert places == expected


@FEW
@given(probabilities, probabilities)
def test_a_person_looks_at_a_score_below_the_limit_and_not_at_one_exactly_there(score: float, limit: float) -> None:
    found = decided(array([score]), manifest_of(1, review_below=limit))
    assert found.needs_review == (score < limit)


@FEW
@given(probabilities, st.floats(0.0625, 0.9375, width=32), st.integers(0, 1), st.booleans())
def test_a_threshold_decides_by_the_positive_labels_score_alone(
    score: float, limit: float, positive: int, exactly: bool
) -> None:
    score = limit if exactly else score
    scores = [1 - score, score] if positive else [score, 1 - score]
    manifest = manifest_of(2)
    manifest = replace(manifest, threshold=Threshold(manifest.labels[positive], limit))
    found = decided(array(scores), manifest)
    expected = positive if score >= limit else 1 - positive
    assert found.label == manifest.labels[expected]
    assert found.score == found.candidates[0].score == array(scores)[expected]
    assert {candidate.label for candidate in found.candidates} == set(manifest.labels)


@FEW
@given(logits, st.integers(0, 11), st.sampled_from([np.nan, np.inf, -np.inf]))
def test_a_number_that_is_none_makes_no_score(outputs: list[float], place: int, number: float) -> None:
    outputs[place % len(outputs)] = number
    with pytest.raises(RuntimeError, match="1 of the model's"):
        calibrated(array(outputs), "logits", 1.0)
