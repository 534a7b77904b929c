"""Judge the rows of a period: read them, compare them with the bundle's profile, and record the verdict."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from shared.bundles.bundle import Bundle
from shared.monitoring.audit_rows import Audit, audit_of, audit_period
from shared.monitoring.history_rows import history_of
from shared.monitoring.judgement_json import evidence_json, judgement_json
from shared.monitoring.reference import model_version_of, reference_of
from shared.monitoring.retraining_proposal import JudgedWindow, ModelHistory, Proposal, retraining_proposal
from shared.monitoring.thresholds import RetrainingThresholds, VerdictThresholds
from shared.monitoring.verdict import Verdict, verdict_on
from shared.monitoring.window import ModelVersion, Reference, Window
from shared.monitoring.window_rows import MOST_PICTURES, Period, models_of, pictures_of, since_of_latest
from shared.ports import Warehouse
from shared.release.model_events import Event, EventModel, ModelEvent, RowWriter, event_id_of, record
from shared.release.served_models import served_model

MOST_CONFUSED = 100
"""Labels whose confusion matrix an event keeps: 10,000 numbers."""


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """A window of a model, what it was compared with, and the verdict."""

    model: ModelVersion
    """The model of the bundle."""
    window: Window
    reference: Reference | None
    """None where the bundle has no profile."""
    verdict: Verdict
    proposal: Proposal
    history: ModelHistory
    """What the proposal is made of."""
    rows: int
    """Rows of the window; more than its pictures where these are a sample."""
    other_models: tuple[tuple[ModelVersion, int], ...]
    """Models of other names, and versions that were not judged, with rows in the same time."""
    audit: Audit
    """The audit sample; it may reach further back than the window."""
    thresholds: VerdictThresholds
    dataset_fingerprint: str | None = None
    """Of the pictures that the model was trained on; None where it is not known."""

    @property
    def is_sampled(self) -> bool:
        """Whether the pictures that were compared are a uniform sample of the window's."""
        return len(self.window.pictures) < self.rows

    @property
    def unfamiliar_share(self) -> float | None:
        """Share of the compared pictures that are unfamiliar, 0 to 1; None where it is not known of any."""
        if self.reference is None:
            return None
        novelty = self.window.pictures.novelty
        known = novelty[novelty == novelty]
        if not len(known) or self.reference.unfamiliar_above != self.reference.unfamiliar_above:
            return None
        return float((known > self.reference.unfamiliar_above).mean())

    def as_json(self) -> dict[str, Any]:
        """Return the judgement, ready for JSON."""
        return {
            **judgement_json(self.model, self.window, self.reference, self.verdict, self.proposal),
            "rows": self.rows,
            "is_sampled": self.is_sampled,
            "unfamiliar_share": self.unfamiliar_share,
            "audit_sample": {
                "bound": self.audit.bound,
                "pictures": self.audit.sample,
                "labelled": self.audit.labelled,
                "since": self.audit.since.astimezone(UTC).isoformat(),
            },
            "other_models": [{**asdict(model), "rows": rows} for model, rows in self.other_models],
            "thresholds": asdict(self.thresholds),
        }


def judge(
    warehouse: Warehouse,
    bundle: Bundle,
    since: datetime,
    until: datetime,
    *,
    pictures: int = MOST_PICTURES,
    latest: int | None = None,
    only_version: bool = False,
    thresholds: VerdictThresholds | None = None,
    retraining: RetrainingThresholds | None = None,
) -> Judgement:
    """Judge the rows of a bundle's model in a period. Nothing is written, and the same rows get the same verdict.

    Args:
        warehouse: where the rows are.
        bundle: that serves, or served.
        since: aware; included.
        until: aware; not included.
        pictures: that are compared at most, chosen uniformly.
        latest: judge only so many of the latest pictures of the period; None for all.
        only_version: whether rows of other versions of the model are left out; else they make the verdict unknown.
        thresholds: of the verdict; None for the defaults.
        retraining: thresholds of the proposal; None for the defaults.

    Raises:
        ValueError: the period ends before it begins, or one of its times has no time zone.
        InvalidBundle: the bundle's profile cannot be read.
        WarehouseUnavailable: no answer within the deadline.
        BadRequest: the tables and views are not there, or have other columns.
    """
    bounds = thresholds or VerdictThresholds()
    model, reference = model_version_of(bundle), reference_of(bundle)
    period = Period(since, until)
    models = models_of(warehouse, period)
    judged = [version for version, _ in models if version == model or (version.name == model.name and not only_version)]
    if latest is not None and judged:
        period = Period(since_of_latest(warehouse, period, judged, latest), until)
        models = models_of(warehouse, period)
    counts = tuple((version, rows) for version, rows in models if version in judged)
    audit = audit_of(warehouse, audit_period(period.since, until), model, bundle.manifest.labels, bounds.audit_share)
    sample = pictures_of(warehouse, period, [version for version, _ in counts], pictures)
    window = Window(period.since, until, counts, sample, audit.pictures)
    verdict = verdict_on(window, reference, bounds)
    history = history_of(warehouse, bundle, until)
    history = replace(history, windows=(JudgedWindow(window.since, until, verdict.state), *history.windows))
    return Judgement(
        model=model,
        window=window,
        reference=reference,
        verdict=verdict,
        proposal=retraining_proposal(history, until, retraining),
        history=history,
        rows=sum(rows for _, rows in counts),
        other_models=tuple((version, rows) for version, rows in models if version not in judged),
        audit=audit,
        thresholds=bounds,
        dataset_fingerprint=served_model(bundle.manifest, bundle.digest).dataset_fingerprint,
    )


def verdict_event(judgement: Judgement, actor: str | None, at: datetime) -> ModelEvent:
    """Return the event of a verdict. The same verdict on the same window has the same id, whenever it is reached.

    Args:
        judgement: of a window.
        actor: the identity of a person or of a service; None where it is not known.
        at: when it was reached; aware.
    """
    content = evidence_json(judgement.model, judgement.window, judgement.verdict)
    model = judgement.model
    return ModelEvent(
        event_id=event_id_of(Event.VERDICT, content),
        happened_at=at,
        event=Event.VERDICT,
        actor=actor,
        model=EventModel(model.name, model.version, model.digest),
        dataset_fingerprint=judgement.dataset_fingerprint,
        evidence=_without_a_large_confusion(judgement.as_json()),
    )


def record_verdict(judgement: Judgement, warehouse: RowWriter, *, actor: str | None, at: datetime) -> ModelEvent:
    """Append the event of a verdict to ``model_events``, and return it; repeating it is harmless.

    Raises:
        RowRefused: the table does not accept the row.
        WarehouseUnavailable: no answer within the deadline; the event may have been recorded.
    """
    event = verdict_event(judgement, actor, at)
    record(event, warehouse)
    return event


def _without_a_large_confusion(evidence: dict[str, Any]) -> dict[str, Any]:
    """Leave out the confusion matrix of many labels: of 1,000 it has a million numbers, and a row has 10 MB at most."""
    is_large = len(evidence["audit"]["confusion"]) > MOST_CONFUSED
    return {**evidence, "audit": {**evidence["audit"], "confusion": []}} if is_large else evidence
