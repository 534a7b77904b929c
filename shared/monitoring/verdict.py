"""The verdict on a window: steady, drifting but harmless so far, harmed, or unknown, and why.

Drift alone does no harm: dark or warm pictures are found by most tests and cost flowers_v1 at most a point of accuracy.
So the tests of ``drift`` show whether anything changed, and accuracy, audited or else estimated, whether it matters.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from shared.monitoring.accuracy_band import AccuracyBand, accuracy_band
from shared.monitoring.audited_accuracy import AuditedAccuracy, audited_accuracy
from shared.monitoring.drift import Drift, drift_of
from shared.monitoring.thresholds import VerdictThresholds
from shared.monitoring.window import Reference, Window
from shared.monitoring.window_faults import fault_of
from shared.release.confidence_bounds import least_fall


class State(StrEnum):
    """The state of a model in a window."""

    STEADY = "steady"
    DRIFTING = "drifting"
    """Drifting, but harmless so far."""
    HARMED = "harmed"
    UNKNOWN = "unknown"


EXIT_CODES = {State.STEADY: 0, State.DRIFTING: 0, State.HARMED: 1, State.UNKNOWN: 3}
"""As those of ``release check``: 1 needs a person, 3 needs more evidence."""


class Harm(StrEnum):
    """What is known of a window's accuracy."""

    NONE = "none"
    CERTAIN = "certain"
    OPEN = "open"
    """Measured, and the floor is within what it may be; or not measured."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a verdict."""

    subject: str
    """``drift``, ``estimated accuracy``, ``audited accuracy`` or ``not tested``."""
    words: str
    """A sentence with its numbers."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state of a model in a window, and why."""

    state: State
    why: str
    """A sentence."""
    evidence: tuple[Evidence, ...]
    audit: AuditedAccuracy
    floor: float | None = None
    """Accuracy below which the model is harmed, 0 to 1; None where none is known."""
    drift: Drift | None = None
    """None where the window could not be compared with the reference."""
    band: AccuracyBand | None = None
    """None where nothing is known of how scores relate to accuracy, or there are no scores."""

    @property
    def exit_code(self) -> int:
        """0 for steady and drifting, 1 for harmed, 3 for unknown."""
        return EXIT_CODES[self.state]


def verdict_on(window: Window, reference: Reference | None, thresholds: VerdictThresholds | None = None) -> Verdict:
    """Judge a window.

    The order of its rows does not matter, and the same rows always get the same verdict. Bad input does not raise: it
    gets ``UNKNOWN`` with a sentence, unless labels of the audit sample prove harm all the same.

    Args:
        window: the rows of a period.
        reference: of the same model; None where its bundle has no profile.
        thresholds: None for the defaults.
    """
    bounds = thresholds or VerdictThresholds()
    audit = audited_accuracy(window.audit)
    floor = _floor(reference, bounds)
    by_audit, audit_words = _audited_harm(audit, floor, bounds)
    evidence = [Evidence("audited accuracy", audit_words)]
    fault = fault_of(window, reference, bounds.min_pictures)
    if fault is not None or reference is None or floor is None:
        state, why = State.UNKNOWN, fault or "Nothing is known that the window could be compared with."
        if by_audit is Harm.CERTAIN:
            state, why = State.HARMED, f"The audited accuracy is below the floor. {why}"
        return Verdict(state, why, tuple(evidence), audit, floor)
    drift = drift_of(window.pictures, reference, bounds.false_alarms, bounds.min_pictures)
    band = accuracy_band(window.pictures.scores, reference.validation)
    by_band, band_words = _estimated_harm(window, reference, band, floor, bounds)
    evidence += [Evidence("estimated accuracy", band_words), *_drift_evidence(drift)]
    state, why = _state_of(drift, by_audit, by_band)
    return Verdict(state, why, tuple(evidence), audit, floor, drift, band)


def _state_of(drift: Drift, by_audit: Harm, by_band: Harm) -> tuple[State, str]:
    """Weigh drift and harm; labels of people count for more than estimates."""
    subjects = ", ".join(test.subject for test in drift.drifted)
    harm, source = (by_band, "estimated") if by_audit is Harm.OPEN else (by_audit, "audited")
    if harm is Harm.CERTAIN:
        return (
            State.HARMED,
            f"The {source} accuracy is below the floor{f', with drift in {subjects}' * bool(subjects)}.",
        )
    if not subjects and not drift.covers_pictures:
        return State.UNKNOWN, "Labels are given as often as in the reference, and nothing else could be tested."
    if not subjects:
        return State.STEADY, f"No drift in {len(drift.tests)} tests."
    if harm is Harm.NONE:
        return State.DRIFTING, f"Drift in {subjects}, harmless so far: the {source} accuracy is above the floor."
    return State.UNKNOWN, (
        f"Drift in {subjects}, and the estimates of accuracy do not decide whether it harms: label pictures of the "
        "audit sample."
    )


def _floor(reference: Reference | None, bounds: VerdictThresholds) -> float | None:
    if bounds.accuracy_floor is not None:
        return bounds.accuracy_floor
    return None if reference is None else max(0.0, reference.validation.accuracy - bounds.max_accuracy_fall)


def _audited_harm(audit: AuditedAccuracy, floor: float | None, bounds: VerdictThresholds) -> tuple[Harm, str]:
    """Compare the interval of the audited accuracy with the floor."""
    if audit.accuracy is None:
        return Harm.OPEN, "No picture of the audit sample is labelled."
    words = f"{audit.accuracy} pictures of the audit sample are right"
    if unknown := ", ".join(f"{label} ({count})" for label, count in audit.unknown_labels[:3]):
        words += f"; people gave labels that the model does not know: {unknown}"
    if floor is None:
        return Harm.OPEN, f"{words}; no floor is known to compare with."
    words += f"; the floor is {floor:.1%}"
    if audit.pictures < bounds.min_audited:
        return Harm.OPEN, f"{words}, and {bounds.min_audited} pictures are needed to decide."
    if audit.accuracy.high < floor:
        return Harm.CERTAIN, f"{words}."
    return Harm.NONE if audit.accuracy.low >= floor else Harm.OPEN, f"{words}."


def _estimated_harm(
    window: Window, reference: Reference, band: AccuracyBand, floor: float, bounds: VerdictThresholds
) -> tuple[Harm, str]:
    """Compare the band with the floor; the lower estimate alone does not alarm, the mean score must have fallen too."""
    scores, before = window.pictures.scores, reference.validation.scores
    fall = least_fall(
        *((float(side.mean()), float(side.std()), len(side)) for side in (before, scores)),
    )
    words = (
        f"The accuracy is about {band}, {reference.validation.accuracy:.1%} in the validation; the floor is "
        f"{floor:.1%}; the mean score is {scores.mean():.3f}, {before.mean():.3f} in the validation"
    )
    if band.low >= floor:
        return Harm.NONE, f"{words}."
    if fall >= bounds.min_score_fall:
        return Harm.CERTAIN, f"{words}, so it has fallen by {fall:.3f} at least."
    return Harm.OPEN, f"{words}, so it need not have fallen by {bounds.min_score_fall}."


def _drift_evidence(drift: Drift) -> list[Evidence]:
    return [
        *(
            Evidence("drift", f"{test.subject}: {test.words} ({test.method}, p = {test.adjusted_p_value:.2g}).")
            for test in drift.drifted
        ),
        *(Evidence("not tested", reason) for reason in drift.untested),
    ]
