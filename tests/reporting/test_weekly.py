"""Tests of the weekly reports: one for each served model, in the bucket, with an event."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.bundles.bundle import load_bundle
from shared.bundles.folders import MODELS
from shared.bundles.model_index import ModelIndex
from shared.errors import Misconfigured
from shared.monitoring.report_due import is_report_due
from shared.reporting.weekly import write_weekly_reports
from shared.types import ModelFacts
from tests.memory.object_store import MemoryStore
from tests.memory.warehouse import MemoryWarehouse
from tests.reporting.period_rows import ARCHIVE, REPORTS, PeriodRows, jpeg

NOW = datetime(2026, 11, 30, 12, 20, tzinfo=UTC)
SERVED = ModelIndex.of([load_bundle(MODELS / name) for name in ("flowers_v1", "chest_xray_v1")])


@pytest.fixture
def rows(tmp_path: Path) -> Iterator[PeriodRows]:
    warehouse = MemoryWarehouse(tmp_path)
    rows = PeriodRows(warehouse, MemoryStore())
    rows.store.create_bucket(ARCHIVE)
    rows.store.create_bucket(REPORTS)
    for bundle in SERVED:
        manifest = bundle.manifest
        model = ModelFacts(manifest.name, manifest.version, bundle.digest, "litert")
        rows.classified(manifest.labels[0], content=jpeg(), model=model, labels=manifest.labels)
    yield rows
    warehouse.close()


def test_weekly_reports_are_written_for_each_model_and_recorded(rows: PeriodRows) -> None:
    reports = write_weekly_reports(SERVED, rows.warehouse, rows.store, REPORTS, NOW, actor="monitor")
    names = [upload.ref.name for upload in rows.store.uploads(REPORTS)]
    assert sorted(names) == sorted(ref.name for report in reports for ref in (report.html, report.markdown))
    assert len(names) == 4
    events = rows.warehouse.query("SELECT event, actor FROM model_history").rows
    assert [(event["event"], event["actor"]) for event in events] == [("report", "monitor")] * 2
    assert not is_report_due(rows.warehouse, NOW)


def test_weekly_reports_that_are_repeated_are_the_same_objects(rows: PeriodRows) -> None:
    for _ in range(2):
        write_weekly_reports(SERVED, rows.warehouse, rows.store, REPORTS, NOW, actor=None)
    assert len(list(rows.store.uploads(REPORTS))) == 4
    assert len(rows.warehouse.query("SELECT event FROM model_history").rows) == 2


def test_weekly_reports_need_a_bucket(rows: PeriodRows) -> None:
    with pytest.raises(Misconfigured, match="REPORT_BUCKET is not set"):
        write_weekly_reports(SERVED, rows.warehouse, rows.store, "", NOW, actor=None)
