"""Retraining is proposed when a threshold is reached, with the reason, and not soon after the last training."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.monitoring.retraining_proposal import (
    JudgedWindow,
    ModelHistory,
    Proposal,
    harmed_in_a_row,
    retraining_proposal,
)
from shared.monitoring.thresholds import RetrainingThresholds
from shared.monitoring.verdict import State
from tests.properties import FEW

NOW = datetime(2026, 12, 1, tzinfo=UTC)
S, D, H, U = State.STEADY, State.DRIFTING, State.HARMED, State.UNKNOWN


def weeks(*states: State, apart: timedelta = timedelta(days=7)) -> tuple[JudgedWindow, ...]:
    """Return windows of seven days, the oldest first; the last one ends now."""
    ends = [NOW - apart * index for index in reversed(range(len(states)))]
    return tuple(JudgedWindow(end - timedelta(days=7), end, state) for end, state in zip(ends, states, strict=True))


def proposal(**fields: Any) -> Proposal:
    defaults: dict[str, Any] = {"trained_at": NOW - timedelta(days=60), "training_pictures": 1000, "unknown_labels": {}}
    return retraining_proposal(ModelHistory(**(defaults | fields)), NOW)


def test_nothing_is_proposed_without_a_reason() -> None:
    assert proposal() == Proposal(False, ())


@pytest.mark.parametrize(
    ("states", "count"),
    [
        ((), 0),
        ((H,), 1),
        ((S, H, H), 2),
        ((H, S, H), 1),
        ((H, D, H), 1),
        ((H, H, S), 0),
        ((H, U, H), 2),
        ((H, H, U), 2),
        ((U, U), 0),
    ],
)
def test_harmed_windows_count_from_the_last_one_back(states: Sequence[State], count: int) -> None:
    """Windows of which nothing is known neither count nor interrupt."""
    assert harmed_in_a_row(weeks(*states)) == count


def test_two_harmed_windows_in_a_row_propose_a_retraining() -> None:
    assert not proposal(windows=weeks(S, H)).is_proposed
    result = proposal(windows=weeks(S, H, H))
    assert result == Proposal(True, ("The model is harmed in 2 windows in a row; the threshold is 2.",))


def test_windows_that_overlap_count_once() -> None:
    """An hourly job over seven days shows the same pictures again each hour."""
    assert harmed_in_a_row(weeks(*[H] * 24, apart=timedelta(hours=1))) == 1
    assert not proposal(windows=weeks(*[H] * 24, apart=timedelta(hours=1))).is_proposed
    assert harmed_in_a_row(weeks(*[H] * (7 * 24 + 1), apart=timedelta(hours=1))) == 2


@FEW
@given(st.lists(st.sampled_from(list(State)), max_size=8), st.integers(0, 100))
def test_harmed_windows_do_not_depend_on_their_order(states: list[State], seed: int) -> None:
    windows = list(weeks(*states, apart=timedelta(days=3)))
    count = harmed_in_a_row(windows)
    random.Random(seed).shuffle(windows)
    assert harmed_in_a_row(windows) == count <= len(states)


@pytest.mark.parametrize(
    ("training_pictures", "new_labels", "is_proposed"),
    [(0, 199, False), (0, 200, True), (1000, 200, True), (5000, 499, False), (5000, 500, True)],
)
def test_enough_new_labels_are_200_or_a_tenth_of_the_training_pictures(
    training_pictures: int, new_labels: int, is_proposed: bool
) -> None:
    result = proposal(training_pictures=training_pictures, new_labels=new_labels)
    assert result.is_proposed is is_proposed
    if is_proposed:
        enough = max(200, training_pictures // 10)
        assert result.reasons == (f"There are {new_labels} new labels; the threshold is {enough}.",)


def test_a_label_that_the_model_does_not_know_counts_by_itself() -> None:
    """Twenty typing errors are not twenty pictures of a new label."""
    assert not proposal(unknown_labels={f"rosse{index}": 1 for index in range(20)}).is_proposed
    result = proposal(unknown_labels={"orchids": 25, "lilies": 40, "rosse": 1})
    assert [reason.split(",")[0] for reason in result.reasons] == [
        "People gave 40 pictures the label lilies",
        "People gave 25 pictures the label orchids",
    ]


def test_nothing_is_proposed_within_a_week_of_the_last_training() -> None:
    soon = proposal(trained_at=NOW - timedelta(days=6), new_labels=500)
    assert (soon.is_proposed, len(soon.reasons)) == (False, 1)
    assert soon.held_back == (
        "The model was trained at 2026-11-25 00:00; a training is proposed from 2026-12-02 00:00 on."
    )
    assert proposal(trained_at=NOW - timedelta(days=7), new_labels=500).is_proposed
    assert proposal(trained_at=NOW - timedelta(days=6)).held_back is None


def test_an_unknown_time_of_training_holds_nothing_back() -> None:
    assert proposal(trained_at=None, new_labels=500).is_proposed


def test_thresholds_can_be_set() -> None:
    history = ModelHistory(
        trained_at=NOW, training_pictures=100, windows=weeks(H), new_labels=5, unknown_labels={"orchids": 3}
    )
    thresholds = RetrainingThresholds(
        harmed_windows=1, min_new_labels=5, new_label_share=0.01, min_unknown_labels=3, min_days_between=0
    )
    assert len(retraining_proposal(history, NOW, thresholds).reasons) == 3
    assert not retraining_proposal(history, NOW).is_proposed


def test_every_threshold_has_a_sentence_for_the_command_line() -> None:
    helps = [field.metadata["help"] for field in RetrainingThresholds.__dataclass_fields__.values()]
    assert all(help.endswith(".") for help in helps)
