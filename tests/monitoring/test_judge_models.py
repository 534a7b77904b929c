"""Tests of the job's verdicts: each model gets an event and a log line, once, whatever its verdict is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from shared.bundles.bundle import Bundle, load_bundle
from shared.bundles.folders import MODELS
from shared.errors import Misconfigured
from shared.logs import configure
from shared.monitoring.judge_models import judge_models
from shared.monitoring.last_label import LOOK_BACK_DAYS, days_since_label
from shared.monitoring.log_line import log_verdict
from shared.monitoring.report_due import is_report_due
from shared.monitoring.verdict import State
from shared.release.model_events import Event, ModelEvent, record
from shared.signals.profile import FILE
from shared.types import Correction, ModelFacts
from tests.memory.object_store import MemoryStore
from tests.memory.warehouse import MemoryWarehouse
from tests.monitoring.judged import drawn_judgement
from tests.reporting.period_rows import LAST_DAY, PeriodRows

NOW = datetime(2026, 11, 30, 12, 20, 30, tzinfo=UTC)


@pytest.fixture
def rows(tmp_path: Path) -> Iterator[PeriodRows]:
    warehouse = MemoryWarehouse(tmp_path)
    yield PeriodRows(warehouse, MemoryStore())
    warehouse.close()


@pytest.fixture
def bundle() -> Bundle:
    return load_bundle(MODELS / "flowers_v1")


@pytest.fixture
def log_lines(capsys: pytest.CaptureFixture[str]) -> Iterator[list[dict[str, object]]]:
    """The log lines; read once the test has written all of them."""

    class Lines(list[dict[str, object]]):
        def __iter__(self) -> Iterator[dict[str, object]]:
            return iter([json.loads(line) for line in capsys.readouterr().out.splitlines()])

    configure("json")
    yield Lines()
    configure("auto")


def facts_of(bundle: Bundle) -> ModelFacts:
    return ModelFacts(bundle.manifest.name, bundle.manifest.version, bundle.digest, "litert")


def events(rows: PeriodRows) -> list[dict[str, object]]:
    return rows.warehouse.query("SELECT * FROM model_history ORDER BY happened_at").rows


def judged(rows: PeriodRows, *bundles: Bundle, now: datetime = NOW) -> list[State]:
    judgements = judge_models(bundles, rows.warehouse, now, actor="monitor", environment={})
    return [judgement.verdict.state for judgement in judgements]


def test_monitor_records_a_verdict_and_a_log_line_for_each_model(
    rows: PeriodRows, bundle: Bundle, log_lines: list[dict[str, object]]
) -> None:
    other = load_bundle(MODELS / "chest_xray_v1")
    rows.classified(model=facts_of(bundle))
    assert judged(rows, bundle, other) == [State.UNKNOWN] * 2
    lines = list(log_lines)
    assert [line["outcome"] for line in lines] == ["judged"] * 2
    assert [line["digest"] for line in lines] == [bundle.digest, other.digest]
    assert {(event["event"], event["actor"]) for event in events(rows)} == {("verdict", "monitor")}
    assert len(events(rows)) == 2


def test_monitor_judges_the_week_until_the_last_full_hour(rows: PeriodRows, bundle: Bundle) -> None:
    for day in (LAST_DAY, date(2026, 11, 23), date(2026, 11, 22)):
        rows.classified(model=facts_of(bundle), day=day)
    [judgement] = judge_models([bundle], rows.warehouse, NOW, actor=None, environment={})
    assert judgement.window.until == datetime(2026, 11, 30, 12, tzinfo=UTC)
    assert judgement.window.since == datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert judgement.rows == 1


def test_monitor_that_is_repeated_within_the_hour_records_one_verdict(rows: PeriodRows, bundle: Bundle) -> None:
    rows.classified(model=facts_of(bundle))
    judged(rows, bundle)
    judged(rows, bundle, now=NOW + timedelta(minutes=10))
    assert len(events(rows)) == 1
    judged(rows, bundle, now=NOW + timedelta(hours=6))
    assert len(events(rows)) == 2


def test_monitor_leaves_out_rows_of_other_versions(rows: PeriodRows, bundle: Bundle) -> None:
    """After a release, a window has rows of two versions; each version is judged by its own."""
    rows.classified(model=facts_of(bundle))
    rows.classified(model=ModelFacts("flowers", "0", "cd" * 32, "litert"))
    [judgement] = judge_models([bundle], rows.warehouse, NOW, actor=None, environment={})
    assert judgement.rows == 1
    assert "models" not in judgement.verdict.why


def test_monitor_judges_the_others_where_a_profile_cannot_be_read(
    rows: PeriodRows, bundle: Bundle, log_lines: list[dict[str, object]], tmp_path: Path
) -> None:
    damaged = _with_a_damaged_profile(tmp_path)
    assert judged(rows, damaged, bundle) == [State.UNKNOWN]
    lines = list(log_lines)
    assert [line["severity"] for line in lines] == ["ERROR", "WARNING"]
    assert "not judged: chest_xray 1" in str(lines[0]["message"])


def test_monitor_refuses_a_malformed_threshold(rows: PeriodRows, bundle: Bundle) -> None:
    with pytest.raises(Misconfigured, match="MONITOR_MIN_PICTURES is 'many'"):
        judge_models([bundle], rows.warehouse, NOW, actor=None, environment={"MONITOR_MIN_PICTURES": "many"})


def test_log_line_of_a_verdict_has_the_figures_that_alerts_read(log_lines: list[dict[str, object]]) -> None:
    log_verdict(drawn_judgement(novel=50), 31.5)
    [line] = log_lines
    share = line["unfamiliar_share"]
    assert isinstance(share, float)
    assert 0.25 <= share < 0.3
    assert line["days_since_label"] == 31.5
    assert line["verdict"] == "drifting"
    assert line["model"] == "flowers_v2"


def test_log_line_of_few_pictures_has_no_share_of_unfamiliar_ones(log_lines: list[dict[str, object]]) -> None:
    log_verdict(drawn_judgement(49, novel=20))
    [line] = log_lines
    assert line["verdict"] == "unknown"
    assert line.get("unfamiliar_share") is None


def test_days_since_label_are_those_since_the_last_one(rows: PeriodRows) -> None:
    identity = rows.classified(day=date(2026, 10, 1))
    for days in (40, 12.5):
        at = NOW - timedelta(days=days)
        rows.warehouse.append(Correction(f"label-{days}", identity, "roses", "ada@example.com", at))
    assert days_since_label(rows.warehouse, NOW) == 12.5


def test_days_since_label_count_from_the_first_row_where_nothing_was_labelled(rows: PeriodRows) -> None:
    rows.classified(day=date(2026, 10, 31))
    rows.classified(day=LAST_DAY)
    days = days_since_label(rows.warehouse, NOW)
    assert days is not None
    assert 30 < days < 31


def test_days_since_label_are_unknown_without_rows(rows: PeriodRows) -> None:
    assert days_since_label(rows.warehouse, NOW) is None


def test_days_since_label_look_back_no_further_than_their_limit(rows: PeriodRows) -> None:
    rows.classified(day=date(2026, 1, 1))
    rows.classified(day=NOW.date() - timedelta(days=LOOK_BACK_DAYS))
    days = days_since_label(rows.warehouse, NOW)
    assert days is not None
    assert LOOK_BACK_DAYS < days < LOOK_BACK_DAYS + 1


def reported(rows: PeriodRows, at: datetime, kind: str = "periodic") -> None:
    record(ModelEvent(event_id=str(at), happened_at=at, event=Event.REPORT, evidence={"kind": kind}), rows.warehouse)


def test_report_is_due_where_none_was_written_for_a_week(rows: PeriodRows) -> None:
    assert is_report_due(rows.warehouse, NOW)
    reported(rows, NOW - timedelta(days=20))
    assert is_report_due(rows.warehouse, NOW)
    reported(rows, NOW - timedelta(days=6, hours=20))
    assert not is_report_due(rows.warehouse, NOW)
    assert is_report_due(rows.warehouse, NOW + timedelta(hours=6))


def test_report_of_another_kind_does_not_count_as_the_weekly_one(rows: PeriodRows) -> None:
    reported(rows, NOW - timedelta(days=1), kind="deployment")
    assert is_report_due(rows.warehouse, NOW)


def test_report_at_the_same_time_of_the_week_is_due_though_a_run_starts_earlier(rows: PeriodRows) -> None:
    reported(rows, NOW - timedelta(days=7) + timedelta(minutes=5))
    assert is_report_due(rows.warehouse, NOW)


def _with_a_damaged_profile(folder: Path) -> Bundle:
    """Return a bundle that lost its profile's bytes after it was checked."""
    copied = folder / "damaged"
    copied.mkdir()
    (copied / FILE).write_bytes(b"no profile")
    bundle = load_bundle(MODELS / "chest_xray_v1")
    manifest = replace(bundle.manifest, files={**bundle.manifest.files, FILE: "0" * 64})
    return replace(bundle, folder=copied, manifest=manifest)
