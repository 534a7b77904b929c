"""Whether a retraining should be proposed: thresholds over verdicts and labels.

A proposal starts nothing. A person decides, or a job that is configured to start one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.monitoring.thresholds import RetrainingThresholds
from shared.monitoring.verdict import State


@dataclass(frozen=True, slots=True)
class JudgedWindow:
    """A window of the past and its verdict."""

    since: datetime
    """Aware; included."""
    until: datetime
    """Aware; not included."""
    state: State


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelHistory:
    """What happened since a model was trained."""

    trained_at: datetime | None
    """Aware; None where it is not known, so no training holds a proposal back."""
    training_pictures: int
    """Pictures that it was trained on; 0 where it is not known."""
    windows: tuple[JudgedWindow, ...] = ()
    """Of this model, in any order; they may overlap."""
    new_labels: int = 0
    """Pictures that people have labelled, and that the model was not trained on."""
    unknown_labels: Mapping[str, int]
    """Pictures by label, of labels that people gave and the model does not know."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """Whether to train again, and why."""

    is_proposed: bool
    reasons: tuple[str, ...]
    """Thresholds that are reached, a sentence for each."""
    held_back: str | None = None
    """Why nothing is proposed although a threshold is reached; None otherwise."""


def retraining_proposal(
    history: ModelHistory, now: datetime, thresholds: RetrainingThresholds | None = None
) -> Proposal:
    """Propose a retraining where a threshold is reached and the last training is not too recent.

    Args:
        history: of the model that serves.
        now: aware.
        thresholds: None for the defaults.
    """
    bounds = thresholds or RetrainingThresholds()
    reasons = tuple(_reasons(history, bounds))
    if reasons and history.trained_at is not None:
        earliest = history.trained_at + timedelta(days=bounds.min_days_between)
        if now < earliest:
            trained = f"The model was trained at {history.trained_at:%Y-%m-%d %H:%M}"
            return Proposal(False, reasons, f"{trained}; a training is proposed from {earliest:%Y-%m-%d %H:%M} on.")
    return Proposal(bool(reasons), reasons)


def _reasons(history: ModelHistory, bounds: RetrainingThresholds) -> Iterable[str]:
    harmed = harmed_in_a_row(history.windows)
    if harmed >= bounds.harmed_windows:
        yield f"The model is harmed in {harmed} windows in a row; the threshold is {bounds.harmed_windows}."
    enough = max(bounds.min_new_labels, round(bounds.new_label_share * history.training_pictures))
    if history.new_labels >= enough:
        yield f"There are {history.new_labels} new labels; the threshold is {enough}."
    for label, pictures in sorted(history.unknown_labels.items(), key=lambda item: (-item[1], item[0])):
        if pictures >= bounds.min_unknown_labels:
            yield (
                f"People gave {pictures} pictures the label {label}, which the model does not know; the threshold is "
                f"{bounds.min_unknown_labels}."
            )


def harmed_in_a_row(windows: Iterable[JudgedWindow]) -> int:
    """Count the latest windows that are harmed, each after the other.

    Windows that overlap a later one show the same pictures again, so they do not count; a job that runs hourly over
    seven days would else be sure of everything after two hours. Windows of which nothing is known neither count nor
    interrupt.
    """
    harmed, earliest = 0, None
    for window in sorted(windows, key=lambda window: (window.until, window.since), reverse=True):
        if window.state is State.UNKNOWN or (earliest is not None and window.until > earliest):
            continue
        if window.state is not State.HARMED:
            break
        harmed, earliest = harmed + 1, window.since
    return harmed
