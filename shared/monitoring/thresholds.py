"""Thresholds of a verdict and of a retraining proposal, each with the reason for its default."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import Any


def _threshold(default: Any, help: str, most: float = 1.0) -> Any:
    """Declare a threshold, with a sentence for the command line and the settings; it is above 0 and at most ``most``.

    A whole number has no upper limit.
    """
    return field(default=default, metadata={"help": help, "most": most})


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictThresholds:
    """What a window must show before it is called drifting or harmed. Shares are 0 to 1."""

    false_alarms: float = _threshold(0.01, "Share of windows without drift in which all tests together may find one.")
    """A weekly job then alarms once in two years for nothing. 0.05 would do so every five months."""
    min_pictures: int = _threshold(50, "Pictures of a window, and of the reference, before they are compared.")
    """With fewer, even a blur of 2.5 pixels can be missed, and a share of 0.95 is known to 6 points only."""
    min_audited: int = _threshold(20, "Labelled pictures of the audit sample before they decide.")
    """With 20, all of them right, the accuracy is at least 0.84; with fewer, two slips of a finger decide."""
    audit_share: float = _threshold(0.01, "Share of all uploads that is the audit sample.")
    """1 % of 1,000 uploads a day are ten pictures to label. The view ``audit_queue`` lists this share; its labels still
    count with a larger one."""
    accuracy_floor: float | None = _threshold(None, "Accuracy below which a model is harmed; else the fall decides.")
    """What is enough depends on what the labels are used for: set it where that is known."""
    max_accuracy_fall: float = _threshold(0.05, "By how much the accuracy may fall below the validation's.")
    """Pictures that are dark or warm cost flowers_v1 at most 1 point, upside down 4, blurred or grey 11 to 14."""
    min_score_fall: float = _threshold(0.02, "By how much the mean score must certainly have fallen to count as harm.")
    """The lower estimate of accuracy is up to 5 points too low, so it does not count alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainingThresholds:
    """When a retraining is proposed. It never starts because of these alone."""

    harmed_windows: int = _threshold(2, "Windows that must be harmed, each after the other, before it is proposed.")
    """One window can be a single customer's bad day. Two that share no picture are a state."""
    min_new_labels: int = _threshold(200, "New labels that are enough for a proposal, at least.")
    """200 pictures measure an accuracy of 0.95 to 3 points, so their gain can be seen at all."""
    new_label_share: float = _threshold(0.1, "New labels that are enough, as a share of the training pictures.")
    """Below a tenth, a model that is trained again differs more by its seed than by the pictures."""
    min_unknown_labels: int = _threshold(20, "Pictures that people gave one label that the model does not have.")
    """Fewer than 20 cannot be divided into training and validation pictures. The label may also be a typing error."""
    min_days_between: float = _threshold(7.0, "Days after a training in which none is proposed.", inf)
    """The windows since then are too few to judge what the last one brought."""
