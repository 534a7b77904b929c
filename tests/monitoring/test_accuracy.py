"""Accuracy: estimated from scores as a band, and audited by labels of a uniform sample."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_fscore_support, roc_auc_score

from shared.monitoring.accuracy_band import accuracy_band, confidence_threshold
from shared.monitoring.audit_sample import audit_bound
from shared.monitoring.audited_accuracy import AuditedAccuracy, Measured, audited_accuracy
from shared.monitoring.window import AuditedPictures, Validation, no_audit
from tests.monitoring.drawn import LABELS, audit_of, drawn_scores
from tests.properties import FEW


def validation(n: int = 400, seed: int = 0) -> Validation:
    random = np.random.default_rng(seed)
    scores = drawn_scores(random, n, 0.9)
    return Validation(scores, random.uniform(size=n) < scores)


def test_confidence_threshold_is_reached_by_as_many_pictures_as_are_right() -> None:
    measured = validation()
    threshold = confidence_threshold(measured)
    assert float((measured.scores >= threshold).mean()) == measured.accuracy
    assert confidence_threshold(Validation(np.array([0.5, 0.9]), np.array([True, True]))) == 0.5
    assert confidence_threshold(Validation(np.array([0.5, 0.9]), np.array([False, False]))) == float("inf")


def test_band_of_the_validation_itself_holds_its_accuracy() -> None:
    measured = validation(2000)
    band = accuracy_band(measured.scores, measured)
    assert band.low - 0.02 <= measured.accuracy <= band.high + 0.02
    assert band.low == pytest.approx(measured.accuracy, abs=0.02)


def test_band_holds_the_truth_where_the_model_stays_too_sure() -> None:
    """Pictures get harder: the scores fall by half of what the accuracy falls by, as on grey flowers."""
    measured, random = validation(2000), np.random.default_rng(1)
    scores = drawn_scores(random, 2000, 0.86)
    truth = 0.82
    band = accuracy_band(scores, measured)
    assert band.low <= truth <= band.high
    assert band.high == pytest.approx(scores.mean())


def test_band_shows_the_sampling_error_of_few_pictures() -> None:
    measured, scores = validation(), drawn_scores(np.random.default_rng(2), 1000, 0.9)
    few, many = accuracy_band(scores[:50], measured), accuracy_band(scores, measured)
    for band in (few, many):
        assert 0 <= band.least <= band.low <= band.high <= band.most <= 1
    assert few.most - few.least > many.most - many.least
    assert "with sampling error" in str(few)
    assert few.pictures == 50


@FEW
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_band_ignores_order_and_stays_within_0_and_1(scores: list[float]) -> None:
    band = accuracy_band(np.array(scores), validation(50))
    assert 0 <= band.least <= band.low <= band.high <= band.most <= 1
    other = accuracy_band(np.array(scores[::-1]), validation(50))
    assert (other.low, other.high) == pytest.approx((band.low, band.high))


def test_band_refuses_a_window_without_scores() -> None:
    with pytest.raises(ValueError, match="at least one"):
        accuracy_band(np.empty(0), validation())


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_audit_sample_is_the_share_of_the_ids(share: float) -> None:
    ids = [hashlib.sha256(f"{number}".encode()).hexdigest() for number in range(5000)]
    bound = audit_bound(share)
    assert len(bound) == 64
    error = (share * (1 - share) / 5000) ** 0.5
    assert sum(upload_id < bound for upload_id in ids) / 5000 == pytest.approx(share, abs=3 * error)


def test_audit_bound_is_exact_at_its_ends() -> None:
    assert audit_bound(0.5) == "8" + 63 * "0"
    assert audit_bound(0.01).startswith("028f5c28f5c28")
    assert audit_bound(1) > 64 * "f"
    assert audit_bound(1e-30) > 64 * "0"


@FEW
@given(st.floats(1e-6, 1), st.floats(1e-6, 1), st.binary(max_size=8))
def test_audit_sample_holds_every_smaller_one(share: float, other: float, content: bytes) -> None:
    small, large = sorted((share, other))
    upload_id = hashlib.sha256(content).hexdigest()
    assert not upload_id < audit_bound(small) or upload_id < audit_bound(large)


@pytest.mark.parametrize("share", [0, -0.1, 1.01, float("nan")])
def test_audit_bound_refuses_a_share_out_of_range(share: float) -> None:
    with pytest.raises(ValueError, match="expected above 0 and at most 1"):
        audit_bound(share)


def drawn_audit(random: np.random.Generator, n: int, labels: tuple[str, ...] = LABELS) -> AuditedPictures:
    """Draw an audit sample of a model that is right about nine times of ten."""
    truths = random.choice(len(labels), n, p=np.arange(1, len(labels) + 1) / sum(range(1, len(labels) + 1)))
    logits = random.normal(size=(n, len(labels))) + 2.8 * np.eye(len(labels))[truths]
    candidates = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    given_labels = candidates.argmax(axis=1)
    return AuditedPictures(labels, tuple(labels[i] for i in given_labels), tuple(labels[i] for i in truths), candidates)


def test_audited_figures_are_those_of_scikit_learn() -> None:
    audit = drawn_audit(np.random.default_rng(3), 150)
    result = audited_accuracy(audit)
    precision, recall, f1, _ = precision_recall_fscore_support(audit.truths, audit.predicted, labels=LABELS)
    for index, figures in enumerate(result.by_label):
        assert (figures.precision, figures.recall, figures.f1, figures.auc) != (None,) * 4
        measured = [figures.precision, figures.recall, figures.f1, figures.auc]
        auc = roc_auc_score([truth == figures.label for truth in audit.truths], audit.candidates[:, index])
        assert [each.value if each else None for each in measured] == pytest.approx(
            [precision[index], recall[index], f1[index], auc]
        )
    assert result.macro_f1 is not None
    assert result.macro_f1.value == pytest.approx(f1.mean())
    assert result.accuracy is not None
    assert result.accuracy.value == pytest.approx(np.mean(np.array(audit.truths) == np.array(audit.predicted)))
    assert sum(map(sum, result.confusion)) == 150


FIGURES: dict[str, Callable[[AuditedAccuracy], Measured | None]] = {
    "accuracy": lambda result: result.accuracy,
    "macro F1": lambda result: result.macro_f1,
    "F1 of a rare label": lambda result: result.by_label[0].f1,
    "F1 of a frequent label": lambda result: result.by_label[4].f1,
    "precision": lambda result: result.by_label[2].precision,
    "recall": lambda result: result.by_label[2].recall,
    "AUC": lambda result: result.by_label[2].auc,
}


def test_audited_intervals_hold_the_truth_in_95_percent_of_samples() -> None:
    random = np.random.default_rng(4)
    truth = audited_accuracy(drawn_audit(random, 100_000))
    held = dict.fromkeys(FIGURES, 0)
    samples = 400
    for _ in range(samples):
        result = audited_accuracy(drawn_audit(random, 120))
        for name, figure in FIGURES.items():
            measured, true_figure = figure(result), figure(truth)
            assert true_figure is not None
            held[name] += measured is not None and measured.low <= true_figure.value <= measured.high
    assert {name: count for name, count in held.items() if count / samples < 0.93} == {}


def test_audited_intervals_are_no_wider_than_they_need_to_be() -> None:
    """The macro F1 is of all pictures, so it is known better than that of a label on the average."""
    result = audited_accuracy(drawn_audit(np.random.default_rng(5), 200))
    assert result.macro_f1 is not None
    widths = [figures.f1.high - figures.f1.low for figures in result.by_label if figures.f1]
    assert result.macro_f1.high - result.macro_f1.low < 0.7 * sum(widths) / 5


def test_audited_figures_of_a_perfect_sample_are_not_certain() -> None:
    result = audited_accuracy(audit_of(right=40, wrong=0))
    assert result.accuracy is not None
    assert (result.accuracy.value, result.accuracy.high) == (1, 1)
    assert result.accuracy.low == pytest.approx(0.912, abs=1e-3)
    for figures in result.by_label:
        for measured in (figures.precision, figures.recall, figures.f1, figures.auc):
            assert measured is not None
            assert measured.low < measured.value == measured.high == 1
    assert result.macro_f1 is not None
    assert result.macro_f1.low < 1


def test_audited_labels_that_the_model_does_not_know_count_as_wrong_and_are_named() -> None:
    result = audited_accuracy(audit_of(right=30, wrong=0, unknown=10))
    assert result.accuracy is not None
    assert result.accuracy.value == 0.75
    assert result.unknown_labels == (("orchids", 10),)
    assert sum(result.confusion[-1]) == 10
    assert [figures.label for figures in result.by_label] == list(LABELS)


def test_audited_figures_without_pictures_are_missing_rather_than_zero() -> None:
    assert audited_accuracy(no_audit(LABELS)) == AuditedAccuracy(0, ())
    single = audited_accuracy(audit_of(right=1, wrong=0))
    assert single.by_label[0].recall is not None
    assert single.by_label[0].auc is None
    assert single.by_label[1].f1 is None
    only_unknown = audited_accuracy(audit_of(right=0, wrong=0, unknown=3))
    assert only_unknown.macro_f1 is None
    assert only_unknown.accuracy is not None
    assert only_unknown.accuracy.value == 0


def test_audited_figures_ignore_the_order_of_the_pictures() -> None:
    random = np.random.default_rng(6)
    audit, order = drawn_audit(random, 60), random.permutation(60)
    shuffled = AuditedPictures(
        LABELS,
        tuple(audit.predicted[index] for index in order),
        tuple(audit.truths[index] for index in order),
        audit.candidates[order],
    )
    first, second = audited_accuracy(audit), audited_accuracy(shuffled)
    assert (first.accuracy, first.confusion) == (second.accuracy, second.confusion)
    assert first.by_label == second.by_label


@FEW
@given(st.lists(st.sampled_from(list(product("ab", "abc"))), max_size=25))
def test_audited_intervals_hold_their_figures(pairs: list[tuple[str, str]]) -> None:
    scores = np.array([[0.7, 0.3] if label == "a" else [0.3, 0.7] for label, _ in pairs]).reshape(-1, 2)
    audit = AuditedPictures(("a", "b"), tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs), scores)
    result = audited_accuracy(audit)
    figures = [each for label in result.by_label for each in (label.precision, label.recall, label.f1, label.auc)]
    for measured in filter(None, [result.accuracy, result.macro_f1, *figures]):
        assert 0 <= measured.low <= measured.value + 1e-12 <= measured.high + 2e-12 <= 1 + 3e-12
