"""`bucketlens status` shows the figures of production's dashboard."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from shared.cli.status import command
from shared.local.cloud import Cloud, folder_lock
from shared.operations.status import STEPS, Watched, watch
from shared.types import Call, Source
from tests.worlds import World

Picture = Callable[..., bytes]
DASHBOARD = (Path(__file__).parents[2] / "infra" / "observability" / "dashboard.json").read_text("utf-8")


def test_status_counts_outcomes_and_waiting_uploads(world: World, picture: Picture, tmp_path: Path) -> None:
    before = watch(world.warehouse, world.store, world.uploads)
    for name, content in {"a.jpg": picture(31), "b.jpg": b"bread", "c.jpg": picture(32)}.items():
        world.put(name, content, tmp_path)
    for upload in list(world.store.uploads(world.uploads))[:2]:
        world.pipeline.process_upload(upload, Call(Source.BACKLOG, upload.ref.created_at))
    after = watch(world.warehouse, world.store, world.uploads)
    assert after.outcomes["predicted"] >= before.outcomes.get("predicted", 0) + 1
    assert after.failures["not_an_image"] >= before.failures.get("not_an_image", 0) + 1
    assert (after.waiting, before.waiting) == (1, 0)
    assert after.oldest_upload_s >= 0 == before.oldest_upload_s
    median_ms, slowest_ms = after.milliseconds["classify"]
    assert median_ms is not None
    assert slowest_ms is not None
    assert slowest_ms >= median_ms


def test_status_quarantine_rate_is_of_all_rows() -> None:
    nothing = Watched({}, {}, {}, 0, 0.0)
    assert nothing.quarantine_rate == 0
    assert replace(nothing, outcomes={"predicted": 3, "rejected": 1}).quarantine_rate == pytest.approx(0.25)


def test_status_prints_the_figures_as_a_table_and_as_json(cloud: Cloud, tmp_path: Path) -> None:
    folder = tmp_path / "cloud"
    folder.mkdir()
    replace(cloud, folder=folder).save()
    with folder_lock(folder):
        shown = CliRunner().invoke(command, ["--folder", str(folder)], env={"COLUMNS": "200"})
        state = json.loads(CliRunner().invoke(command, ["--folder", str(folder), "--json"]).stdout)
    assert "The last hour" in shown.output
    assert "uploads that wait" in shown.output
    assert set(state["watched"]) == {*Watched.__dataclass_fields__, "quarantine_rate"}


def test_status_steps_are_those_of_the_dashboard() -> None:
    assert set(STEPS) == set(re.findall(r"user/bucketlens/(\w+)_ms", DASHBOARD))
