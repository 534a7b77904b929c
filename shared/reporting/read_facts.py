"""Read the facts of a periodic report from the warehouse."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any

import numpy as np

from shared.bundles.bundle import Bundle
from shared.monitoring.audit_rows import audit_of, audit_period
from shared.monitoring.audited_accuracy import AuditedAccuracy, audited_accuracy
from shared.monitoring.reference import model_version_of, reference_of
from shared.monitoring.window import ModelVersion
from shared.ports import Warehouse
from shared.reporting import period_queries as queries
from shared.reporting.facts import (
    BINS,
    DayRows,
    LabelRows,
    Latency,
    ModelRows,
    PastEvent,
    PeriodFacts,
    PictureRow,
    Summary,
    Usage,
)
from shared.reporting.period import Period

LABELS_BY_DAY = 5
"""Labels that are counted by day; the others are counted together."""


def read_facts(
    warehouse: Warehouse,
    period: Period,
    bundle: Bundle | None,
    *,
    made_at: datetime,
    audit_share: float,
    model_name: str | None = None,
) -> PeriodFacts:
    """Read the facts of a period. Nothing is written, and the same rows give the same facts.

    Args:
        warehouse: where the rows are.
        period: of the report.
        bundle: that serves, or served; None where none is at hand, so nothing is compared and nothing is audited.
        made_at: aware; when the report is made.
        audit_share: share of all uploads that is the audit sample, above 0, at most 1.
        model_name: of the only model that counts; None for all models.

    Raises:
        InvalidBundle: the bundle's profile cannot be read.
        WarehouseUnavailable: no answer within the deadline.
        BadRequest: the tables and views are not there, or have other columns.
    """

    def rows(sql: str, **parameters: Sequence[str]) -> list[dict[str, Any]]:
        return warehouse.query(period.within(sql), **parameters).rows

    models = tuple(
        ModelRows(ModelVersion(row["name"], row["version"], row["digest"]), *_columns(row, ModelRows, 1))
        for row in rows(queries.MODELS)
        if model_name in (None, row["name"])
    )
    main = _main(models, bundle)
    if bundle is not None and main != model_version_of(bundle):
        bundle = None
    ids = {"digests": sorted({counted.model.digest for counted in models})}
    names = sorted({counted.model.name for counted in models} | {model_name or ""})
    spread = rows(queries.SPREAD, main=[main.digest]) if main else []
    labels = tuple(LabelRows(*_columns(row, LabelRows)) for row in rows(queries.LABELS, **ids))
    frequent = [label.label for label in labels[:LABELS_BY_DAY]]
    audit, sample, audit_since = _audit(warehouse, period, made_at, bundle, audit_share)
    [summary] = rows(queries.SUMMARY, **ids)
    [usage] = rows(queries.USAGE)
    return PeriodFacts(
        period=period,
        made_at=made_at,
        model_name=model_name,
        models=models,
        main=main,
        bundle=bundle,
        reference=reference_of(bundle) if bundle else None,
        summary=Summary(*_columns(summary, Summary)),
        labels=labels,
        days=tuple(
            DayRows(row["day"], row["label_group"], row["pictures"])
            for row in rows(queries.DAYS, labels=frequent, **ids)
        ),
        scores=_binned(spread, "score_bin"),
        novelty=_binned(spread, "novelty_bin"),
        audit=audit,
        audit_share=audit_share,
        audit_sample=sample,
        audit_since=audit_since,
        failures=tuple((row["reason"], row["uploads"]) for row in rows(queries.FAILURES)),
        latency=tuple(
            Latency(row["service"] or "", row["revision"] or "", *_columns(row, Latency, 2))
            for row in rows(queries.LATENCY)
        ),
        usage=Usage(*_columns(usage, Usage)) if usage["calls"] else Usage(),
        events=tuple(map(_event, rows(queries.EVENTS, names=names))),
        most_novel=tuple(map(_picture, rows(queries.MOST_NOVEL, **ids))),
        least_certain=tuple(map(_picture, rows(queries.LEAST_CERTAIN, **ids))),
    )


def _columns(row: dict[str, Any], kind: Any, first: int = 0) -> list[Any]:
    """Return the values of a row in the order of a class's fields, which have the names of the columns."""
    return [row[name] for name in list(kind.__dataclass_fields__)[first:]]


def _main(models: tuple[ModelRows, ...], bundle: Bundle | None) -> ModelVersion | None:
    """Return the bundle's model where it has rows, else the most frequent one."""
    known = [counted.model for counted in models]
    if bundle is not None and (own := model_version_of(bundle)) in known:
        return own
    return known[0] if known else None


def _binned(spread: Sequence[dict[str, Any]], column: str) -> tuple[int, ...]:
    counts = np.zeros(BINS, np.int64)
    for row in spread:
        if row[column] is not None:
            counts[max(0, int(row[column]))] += row["pictures"]
    return tuple(int(number) for number in counts)


def _audit(
    warehouse: Warehouse, period: Period, made_at: datetime, bundle: Bundle | None, share: float
) -> tuple[AuditedAccuracy, int, date]:
    """Audit the bundle's model, and return from which day on."""
    until = min(datetime.combine(period.last, time.max, UTC), made_at)
    audited = audit_period(datetime.combine(period.first, time.min, UTC), until)
    if bundle is None:
        return AuditedAccuracy(0, ()), 0, audited.since.date()
    audit = audit_of(warehouse, audited, model_version_of(bundle), bundle.manifest.labels, share)
    return audited_accuracy(audit.pictures), audit.sample, audited.since.date()


def _event(row: dict[str, Any]) -> PastEvent:
    model = None if row["model_name"] is None else f"{row['model_name']} {row['model_version']}"
    return PastEvent(row["happened_at"], row["event"], row["actor"], model, row["state"], row["why"])


def _picture(row: dict[str, Any]) -> PictureRow:
    return PictureRow(*_columns(row, PictureRow))
