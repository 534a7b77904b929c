"""The job monitor as a program, against the local cloud: verdicts, the weekly report, and exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.functions.paths import MONITOR, ROOT
from tests.pipeline.parts import call
from tests.worlds import World

Picture = Callable[..., bytes]


@pytest.fixture
def reports(world: World) -> str:
    """A bucket of reports of its own."""
    bucket = f"reports-{uuid.uuid4().hex[:10]}"
    world.store.create_bucket(bucket)
    return bucket


def monitored(world: World, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    actor = f"monitor-{world.uploads}"  # the warehouse is shared with other tests
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "CLOUD_RUN_JOB": actor, **world.environment}
    return subprocess.run(
        [sys.executable, str(MONITOR), *arguments],
        env={**environment, "REPORT_BUCKET": "", **settings},
        capture_output=True,
        text=True,
        timeout=300,
    )


def events(world: World) -> list[dict[str, Any]]:
    sql = "SELECT event, model.name AS model, evidence FROM model_history WHERE actor IN UNNEST(@actor) ORDER BY event"
    return world.warehouse.query(sql, actor=[f"monitor-{world.uploads}"]).rows


def test_monitor_judges_and_reports_once_by_hand(world: World, picture: Picture, reports: str, tmp_path: Path) -> None:
    world.put("a.jpg", picture(900), tmp_path)
    upload = world.store.find(world.uploads, "a.jpg")
    world.pipeline.process_upload(upload, call())
    done = monitored(world, "report", REPORT_BUCKET=reports)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["outcome"] for line in lines] == ["judged", "reported"]
    assert "report" in [event["event"] for event in events(world)]
    # The window ends with the last full hour, so a run of another test may have recorded the same verdict: one event.
    [verdicts] = world.warehouse.query("SELECT COUNT(*) AS number FROM model_history WHERE event = 'verdict'").rows
    assert verdicts["number"] >= 1
    names = world.names_in(reports)
    assert len(names) == 2
    assert f"gs://{reports}/{next(name for name in names if name.endswith('.html'))}" == lines[1]["uri"]


def test_monitor_without_a_bucket_of_reports_writes_none(world: World) -> None:
    done = monitored(world)
    assert done.returncode == 0, done.stderr
    assert {event["event"] for event in events(world)} <= {"verdict"}


def test_monitor_that_should_report_without_a_bucket_exits_with_2(world: World) -> None:
    done = monitored(world, "report")
    assert done.returncode == 2
    assert "REPORT_BUCKET is not set" in done.stderr


def test_monitor_without_a_warehouse_exits_with_1(world: World) -> None:
    done = monitored(world, BIGQUERY_EMULATOR_HOST="http://127.0.0.1:9", WAREHOUSE_DEADLINE_S="1")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"MODEL_BUNDLE": "nothing_of_this_name"}, "nothing_of_this_name"),
        ({"MONITOR_MIN_PICTURES": "-1"}, "MONITOR_MIN_PICTURES is '-1'"),
        ({"REPORT_BUCKET": "No Bucket"}, "REPORT_BUCKET is 'No Bucket', expected a bucket name"),
    ],
    ids=["bundle", "threshold", "bucket"],
)
def test_monitor_with_a_malformed_setting_exits_with_2_and_names_it(
    world: World, settings: dict[str, str], message: str
) -> None:
    done = monitored(world, **settings)
    assert done.returncode == 2
    assert message in done.stderr


def test_monitor_refuses_an_unknown_argument(world: World) -> None:
    assert monitored(world, "reports").returncode == 2
