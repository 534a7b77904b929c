"""Verdicts: each state, what speaks for it, and a sentence for every window that cannot be judged."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from shared.monitoring.accuracy_band import confidence_threshold
from shared.monitoring.thresholds import VerdictThresholds
from shared.monitoring.verdict import EXIT_CODES, State, Verdict, verdict_on
from shared.monitoring.window import (
    STATISTICS,
    AuditedPictures,
    ModelVersion,
    Pictures,
    Validation,
    Window,
    no_audit,
    without_signals,
)
from tests.monitoring.drawn import (
    LABELS,
    MADE_AT,
    MODEL,
    SINCE,
    audit_of,
    drawn_pictures,
    drawn_reference,
    reordered,
    window_of,
)

REFERENCE = drawn_reference(np.random.default_rng(0))
OTHER = ModelVersion("flowers", "3", "cd" * 32)


def drawn(n: int = 120, seed: int = 1, **changes: Any) -> Pictures:
    return drawn_pictures(np.random.default_rng(seed), n, **changes)


def verdict(pictures: Pictures, audit: AuditedPictures | None = None, **fields: Any) -> Verdict:
    return verdict_on(window_of(pictures, audit=audit or no_audit(LABELS), **fields), REFERENCE)


def words_of(result: Verdict, subject: str) -> str:
    return " ".join(evidence.words for evidence in result.evidence if evidence.subject == subject)


def test_verdict_on_pictures_like_the_reference_is_steady() -> None:
    result = verdict(drawn())
    assert (result.state, result.exit_code) == (State.STEADY, 0)
    assert result.why == "No drift in 9 tests."
    assert "the floor is" in words_of(result, "estimated accuracy")
    assert words_of(result, "audited accuracy") == "No picture of the audit sample is labelled."


def test_verdict_on_other_pictures_with_good_scores_is_drifting_and_harmless() -> None:
    result = verdict(drawn(brightness=2))
    assert (result.state, result.exit_code) == (State.DRIFTING, 0)
    assert result.why == "Drift in brightness, harmless so far: the estimated accuracy is above the floor."
    assert words_of(result, "drift").startswith("brightness: median ")


def test_verdict_on_other_pictures_with_bad_scores_is_harmed() -> None:
    result = verdict(drawn(brightness=2, mean_score=0.8))
    assert (result.state, result.exit_code) == (State.HARMED, 1)
    assert result.why == "The estimated accuracy is below the floor, with drift in brightness."
    assert "so it has fallen by" in words_of(result, "estimated accuracy")


def test_verdict_on_drift_is_unknown_where_the_estimates_do_not_decide() -> None:
    """The lower estimate is below the floor, and the mean score has not certainly fallen by 2 points."""
    scores = np.full(120, 0.97)
    scores[:18] = confidence_threshold(REFERENCE.validation) - 0.001
    result = verdict(replace(drawn(brightness=2), scores=scores))
    assert (result.state, result.exit_code) == (State.UNKNOWN, 3)
    assert "label pictures of the audit sample" in result.why
    assert "so it need not have fallen" in words_of(result, "estimated accuracy")


def test_verdict_follows_labels_of_people_rather_than_estimates() -> None:
    """The audit shows that a drift with low scores is harmless, and that one with high scores harms."""
    harmless = verdict(drawn(brightness=2, mean_score=0.8), audit_of(right=200, wrong=4))
    assert harmless.state is State.DRIFTING
    assert harmless.why.endswith("harmless so far: the audited accuracy is above the floor.")
    harmed = verdict(drawn(), audit_of(right=60, wrong=40))
    assert (harmed.state, harmed.why) == (State.HARMED, "The audited accuracy is below the floor.")
    assert "60.0% (50.2% to 69.1%) of 100 pictures" in words_of(harmed, "audited accuracy")


@pytest.mark.parametrize("audit", [audit_of(right=4, wrong=15), audit_of(right=22, wrong=2)])
def test_verdict_is_not_decided_by_few_audited_pictures(audit: AuditedPictures) -> None:
    """Neither by fewer than 20, nor by more whose interval holds the floor."""
    assert verdict(drawn(), audit).state is State.STEADY
    assert verdict(drawn(brightness=2, mean_score=0.8), audit).state is State.HARMED


def test_verdict_names_labels_that_the_model_does_not_know() -> None:
    result = verdict(drawn(), audit_of(right=60, wrong=0, unknown=5))
    assert "people gave labels that the model does not know: orchids (5)" in words_of(result, "audited accuracy")


def test_verdict_measures_the_fall_from_the_validation_unless_a_floor_is_set() -> None:
    result = verdict(drawn())
    assert result.floor == pytest.approx(REFERENCE.validation.accuracy - 0.05)
    window = window_of(drawn(), audit=audit_of(right=85, wrong=15))
    assert verdict_on(window, REFERENCE, VerdictThresholds(accuracy_floor=0.95)).state is State.HARMED
    assert verdict_on(window, REFERENCE, VerdictThresholds(accuracy_floor=0.7)).state is State.STEADY


def test_verdict_rarely_leaves_steady_without_drift() -> None:
    states = [verdict(drawn(60, seed=seed)).state for seed in range(20)]
    assert states.count(State.STEADY) >= 19
    assert State.HARMED not in states


def test_verdict_ignores_the_order_of_the_rows() -> None:
    pictures, audit = drawn(brightness=1, embedding=0.3), audit_of(right=30, wrong=3)
    backwards = AuditedPictures(LABELS, audit.predicted[::-1], audit.truths[::-1], audit.candidates[::-1])
    first = verdict(pictures, audit)
    second = verdict(reordered(pictures, np.arange(120)[::-1]), backwards)
    assert (first.state, first.why, first.evidence) == (second.state, second.why, second.evidence)


def test_verdict_can_be_written_as_json() -> None:
    document = json.loads(json.dumps(asdict(verdict(drawn(brightness=2), audit_of(right=30, wrong=1)))))
    assert document["state"] == "drifting"
    assert document["drift"]["tests"][0]["subject"] == "brightness"


UNJUDGED: dict[str, tuple[Window, str]] = {
    "no rows": (
        window_of(drawn(0), models=()),
        "There are no rows from 2026-11-20 00:00 to 2026-11-27 00:00; choose a longer window, or find out why nothing "
        "is classified.",
    ),
    "few rows": (
        window_of(drawn(49)),
        "There are 49 rows from 2026-11-20 00:00 to 2026-11-27 00:00, and 50 are needed; choose a longer window.",
    ),
    "before the model": (
        window_of(drawn(), since=MADE_AT - timedelta(days=7), until=MADE_AT),
        "The window from 2026-10-25 00:00 to 2026-11-01 00:00 ends before its model: flowers 2 was made at 2026-11-01 "
        "00:00. Choose a later window.",
    ),
    "two models": (
        window_of(drawn(), models=((MODEL, 100), (OTHER, 20))),
        "The window has rows of 2 models: flowers 2 (100), flowers 3 (20). Choose one of them, or a shorter window.",
    ),
    "rows of another model": (
        window_of(drawn(), models=((OTHER, 120),)),
        "The rows are of flowers 3 (cdcdcdcdcdcd…), and the reference is of flowers 2 (abababababab…); take the "
        "reference from the bundle that gave the labels.",
    ),
}


@pytest.mark.parametrize("case", UNJUDGED)
def test_verdict_on_a_window_that_cannot_be_judged_is_unknown_with_a_sentence(case: str) -> None:
    window, sentence = UNJUDGED[case]
    result = verdict_on(window, REFERENCE)
    assert (result.state, result.exit_code, result.why) == (State.UNKNOWN, 3, sentence)
    assert (result.drift, result.band) == (None, None)


def test_verdict_without_a_profile_is_unknown_with_a_sentence() -> None:
    result = verdict_on(window_of(drawn()), None)
    assert result.state is State.UNKNOWN
    assert result.why == (
        "The bundle of flowers 2 has no profile to compare with; add one with: bucketlens bundle profile"
    )
    labelled = verdict_on(window_of(drawn(), audit=audit_of(right=30, wrong=1)), None)
    assert "no floor is known to compare with" in words_of(labelled, "audited accuracy")


def test_verdict_without_a_profile_is_harmed_where_the_audit_proves_it() -> None:
    window = window_of(drawn(), audit=audit_of(right=50, wrong=50))
    result = verdict_on(window, None, VerdictThresholds(accuracy_floor=0.9))
    assert result.state is State.HARMED
    assert result.why.startswith("The audited accuracy is below the floor. The bundle of flowers 2 has no profile")


@pytest.mark.parametrize("rows", [0, 10])
def test_verdict_is_harmed_by_the_audit_though_too_few_rows_are_compared(rows: int) -> None:
    assert verdict(drawn(rows), audit_of(right=50, wrong=50)).state is State.HARMED


def test_verdict_on_rows_without_signals_is_unknown_rather_than_steady() -> None:
    pictures = drawn()
    result = verdict(without_signals(pictures.labels, pictures.scores.tolist()))
    assert result.state is State.UNKNOWN
    assert result.why == "Labels are given as often as in the reference, and nothing else could be tested."
    assert "brightness: known of no pictures of the window" in words_of(result, "not tested")
    only_roses = without_signals(["roses"] * 120, pictures.scores.tolist())
    assert verdict(only_roses).state is State.DRIFTING


def test_verdict_on_a_half_filled_window_is_by_the_rows_that_have_signals() -> None:
    pictures = drawn(160)
    pictures.statistics[:80] = np.nan
    pictures.novelty[:80] = np.nan
    pictures.embeddings[:80] = np.nan
    assert verdict(pictures).state is State.STEADY
    pictures.statistics[80:, STATISTICS.index("sharpness")] += 3
    assert "Drift in sharpness" in verdict(pictures).why


def test_verdict_without_stored_embeddings_tests_the_rest() -> None:
    result = verdict(replace(drawn(), embeddings=np.empty((120, 0))))
    assert (result.state, result.why) == (State.STEADY, "No drift in 8 tests.")
    assert words_of(result, "not tested").startswith("embeddings: ")


def test_exit_codes_are_those_of_a_release_check() -> None:
    assert {state.value: code for state, code in EXIT_CODES.items()} == {
        "steady": 0,
        "drifting": 0,
        "harmed": 1,
        "unknown": 3,
    }


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"scores": np.ones(3)}, r"scores has the shape \(3,\), expected \(4\)"),
        ({"statistics": np.ones((4, 5))}, r"statistics has the shape \(4, 5\), expected \(4, 6\)"),
        ({"novelty": np.ones((4, 1))}, r"novelty has the shape \(4, 1\), expected \(4\)"),
        ({"embeddings": np.ones(4)}, r"embeddings has the shape \(4,\), expected \(4, any\)"),
    ],
)
def test_pictures_refuse_arrays_of_another_length(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(drawn(4), **fields)


def test_validation_refuses_no_pictures_and_another_length() -> None:
    with pytest.raises(ValueError, match="at least one is needed"):
        Validation(np.empty(0), np.empty(0, bool))
    with pytest.raises(ValueError, match="is_right has the shape"):
        Validation(np.ones(3), np.ones(2, bool))


def test_audited_pictures_refuse_a_given_label_that_is_not_the_models() -> None:
    with pytest.raises(ValueError, match="The model gave 'orchids', which is not of its labels"):
        AuditedPictures(LABELS, ("orchids",), ("roses",), np.ones((1, 5)))
    with pytest.raises(ValueError, match="candidates has the shape"):
        AuditedPictures(LABELS, ("roses",), ("roses",), np.ones((1, 4)))
    with pytest.raises(ValueError, match="truths has the shape"):
        AuditedPictures(LABELS, ("roses",), (), np.ones((1, 5)))


def test_window_refuses_times_in_the_wrong_order_or_without_a_zone() -> None:
    with pytest.raises(ValueError, match="before it begins"):
        window_of(drawn(4), until=SINCE)
    with pytest.raises(ValueError, match="need a time zone"):
        window_of(drawn(4), since=SINCE.replace(tzinfo=None))
