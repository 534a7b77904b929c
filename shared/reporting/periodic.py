"""The periodic report: what came in, how sure the model was, how right, how fast, at which cost."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from shared.bundles.bundle import Bundle
from shared.monitoring.thresholds import VerdictThresholds
from shared.ports import ObjectStore, Warehouse
from shared.release.model_events import Event, EventModel, ModelEvent, RowWriter, event_id_of, record
from shared.reporting.document import Document
from shared.reporting.facts import PeriodFacts
from shared.reporting.html_page import html_page
from shared.reporting.markdown_page import markdown_page
from shared.reporting.period import Period
from shared.reporting.periodic_document import periodic_document
from shared.reporting.read_facts import read_facts
from shared.reporting.thumbnails import Thumbnail, thumbnail_of
from shared.types import ObjectRef

CONTENT_TYPES = {"html": "text/html; charset=utf-8", "md": "text/markdown; charset=utf-8"}

AUDIT_SHARE = VerdictThresholds().audit_share
"""The share of the view ``audit_queue``."""

Progress = Callable[[str], None]
"""Takes the name of the step that begins."""


class ReportWarehouse(Warehouse, RowWriter, Protocol):
    """A warehouse that answers queries, and takes the event of a report."""


@dataclass(frozen=True, slots=True, eq=False)
class PeriodicReport:
    """A report, as facts and as pages."""

    facts: PeriodFacts
    document: Document

    @property
    def html(self) -> str:
        """The page that stands alone."""
        return html_page(self.document)

    @property
    def markdown(self) -> str:
        """The same as Markdown, without plots and pictures."""
        return markdown_page(self.document)


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """A report in a bucket."""

    html: ObjectRef
    markdown: ObjectRef
    event: ModelEvent


def make_periodic_report(
    warehouse: Warehouse,
    store: ObjectStore,
    period: Period,
    bundle: Bundle | None,
    *,
    made_at: datetime,
    model_name: str | None = None,
    audit_share: float = AUDIT_SHARE,
    with_pictures: bool = True,
    begin: Progress = lambda _: None,
) -> PeriodicReport:
    """Read the facts of a period and make its report. Nothing is written.

    Args:
        warehouse: where the rows are.
        store: holds the archive.
        period: of the report.
        bundle: that serves; None where none is at hand, so nothing is compared and nothing is audited.
        made_at: aware.
        model_name: of the only model that counts; None for all models.
        audit_share: share of all uploads that is the audit sample, above 0, at most 1.
        with_pictures: whether the page shows thumbnails; False where pictures must not leave the archive.
        begin: is called with each step.

    Raises:
        InvalidBundle: the bundle's profile cannot be read.
        WarehouseUnavailable: no answer within the deadline.
        BadRequest: the tables and views are not there, or have other columns.
    """
    begin("Reading rows")
    facts = read_facts(warehouse, period, bundle, made_at=made_at, model_name=model_name, audit_share=audit_share)
    thumbnails: dict[str, Thumbnail] = {}
    if with_pictures:
        begin("Reading pictures")
        uris = {picture.archive_uri for picture in (*facts.most_novel, *facts.least_certain)}
        thumbnails = {uri: thumbnail_of(store, uri) for uri in sorted(uris)}
    begin("Drawing")
    return PeriodicReport(facts, periodic_document(facts, thumbnails if with_pictures else None))


def write_periodic_report(
    warehouse: ReportWarehouse,
    store: ObjectStore,
    bucket: str,
    period: Period,
    bundle: Bundle | None,
    *,
    made_at: datetime,
    actor: str | None = None,
    model_name: str | None = None,
    audit_share: float = AUDIT_SHARE,
    with_pictures: bool = True,
) -> WrittenReport:
    """Write the report of a period into a bucket, as HTML and as Markdown, and record the event ``report``.

    Repeating it with the same time and the same rows is harmless: the objects have the same bytes.

    Args:
        warehouse: where the rows are.
        store: holds the archive and the bucket.
        bucket: takes the reports; a bucket of its own, since pictures of the archive are in them.
        period: of the report.
        bundle: that serves; None where none is at hand.
        made_at: aware; it is part of the objects' names.
        actor: the identity of the job; None where it is not known.
        model_name: of the only model that counts; None for all models.
        audit_share: share of all uploads that is the audit sample, above 0, at most 1.
        with_pictures: whether the page shows thumbnails.

    Raises:
        InvalidBundle: the bundle's profile cannot be read.
        NameTaken: there is another report of the same second.
        StorageUnavailable, WarehouseUnavailable: no answer within the deadline; run it again.
        BadRequest: the tables and views are not there, or have other columns.
    """
    report = make_periodic_report(
        warehouse,
        store,
        period,
        bundle,
        made_at=made_at,
        model_name=model_name,
        audit_share=audit_share,
        with_pictures=with_pictures,
    )
    name = f"periodic/{period.last}/{file_stem(model_name, period)}_{made_at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    contents = {"html": report.html.encode(), "md": report.markdown.encode()}
    html, markdown = (
        store.write_once(bucket, f"{name}.{ending}", contents[ending], CONTENT_TYPES[ending]) for ending in contents
    )
    files = {f"gs://{bucket}/{name}.{ending}": content for ending, content in contents.items()}
    event = report_event(report.facts, files, actor)
    record(event, warehouse)
    return WrittenReport(html, markdown, event)


def report_event(facts: PeriodFacts, files: dict[str, bytes], actor: str | None) -> ModelEvent:
    """Return the event of a report; the same report in the same place is the same event.

    Args:
        facts: of the report.
        files: content by address.
        actor: the identity of a person or of a service; None where it is not known.
    """
    evidence = {
        "kind": "periodic",
        "first_day": facts.period.first.isoformat(),
        "last_day": facts.period.last.isoformat(),
        "pictures": facts.summary.pictures,
        "files": [
            {"address": address, "sha256": hashlib.sha256(content).hexdigest()}
            for address, content in sorted(files.items())
        ],
    }
    main = facts.main
    return ModelEvent(
        event_id=event_id_of(Event.REPORT, evidence),
        happened_at=facts.made_at,
        event=Event.REPORT,
        actor=actor,
        model=None if main is None else EventModel(main.name, main.version, main.digest),
        evidence=evidence,
    )


def file_stem(model_name: str | None, period: Period) -> str:
    """Return the name of a report's files without an ending: its model, or all models, and its period."""
    name = model_name or "all_models"
    safe = "".join(character if character.isascii() and character.isalnum() else "_" for character in name)[:60]
    return f"report_{safe}_{period.first}_{period.last}"
