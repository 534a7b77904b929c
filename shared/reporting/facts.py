"""The facts of a periodic report. ``read_facts`` reads them from the warehouse."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from shared.bundles.bundle import Bundle
from shared.monitoring.audited_accuracy import AuditedAccuracy
from shared.monitoring.window import ModelVersion, Reference
from shared.reporting.period import Period

BINS = 20
"""Bins of a distribution, each of 0.05."""


@dataclass(frozen=True, slots=True)
class ModelRows:
    """A model with its rows of the period."""

    model: ModelVersion
    pictures: int
    first_day: date
    last_day: date


@dataclass(frozen=True, slots=True)
class LabelRows:
    """A label with its rows of the period."""

    label: str
    pictures: int
    needing_review: int
    mean_score: float


@dataclass(frozen=True, slots=True)
class DayRows:
    """Pictures of a day by label."""

    day: date
    label: str | None
    """None for all labels that are not among the most frequent."""
    pictures: int


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds of the calls of a revision, for one source of calls."""

    service: str
    revision: str
    source: str
    calls: int
    cold_starts: int
    p50_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Usage:
    """What the calls of the period needed on average."""

    calls: int = 0
    mean_bytes: float = 0.0
    mean_total_ms: float = 0.0
    mean_cpu_ms: float = 0.0
    """Decoding and classifying."""


@dataclass(frozen=True, slots=True)
class PastEvent:
    """An event in the life of a model."""

    happened_at: datetime
    event: str
    actor: str | None
    model: str | None
    state: str | None
    """Of a verdict."""
    why: str | None


@dataclass(frozen=True, slots=True)
class PictureRow:
    """A picture of the period."""

    name: str | None
    """None for pictures that came over HTTPS without a name."""
    archive_uri: str
    label: str
    score: float
    novelty: float | None
    uploaded_at: datetime
    prediction_id: str


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of the period."""

    pictures: int = 0
    distinct_pictures: int = 0
    labels: int = 0
    needing_review: int = 0
    unfamiliar: int = 0
    with_novelty: int = 0
    """Pictures whose novelty is known."""
    mean_score: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PeriodFacts:
    """What is known of a period. Nothing in it is escaped: names and labels are those of the rows."""

    period: Period
    made_at: datetime
    """Aware."""
    model_name: str | None
    """The only model that the report is about; None for all models."""
    models: tuple[ModelRows, ...]
    """The most frequent first."""
    main: ModelVersion | None
    """The model whose scores are shown, and which is audited; None where there are no rows."""
    bundle: Bundle | None
    """Of ``main``; None where it is not at hand."""
    reference: Reference | None
    """None without a bundle, or where it has no profile."""
    summary: Summary
    labels: tuple[LabelRows, ...]
    """At most 20, the most frequent first."""
    days: tuple[DayRows, ...]
    scores: tuple[int, ...]
    """Pictures of ``main`` by score, in ``BINS`` bins."""
    novelty: tuple[int, ...]
    audit: AuditedAccuracy
    audit_share: float
    """Share of all uploads that is the audit sample."""
    audit_sample: int
    """Pictures in the audit sample, labelled or not."""
    audit_since: date
    """The audit sample reaches back to this day."""
    failures: tuple[tuple[str, int], ...]
    """Uploads by reason, the most frequent first."""
    latency: tuple[Latency, ...]
    usage: Usage
    events: tuple[PastEvent, ...]
    """The newest first."""
    most_novel: tuple[PictureRow, ...]
    least_certain: tuple[PictureRow, ...]
