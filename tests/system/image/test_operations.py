"""Tests of the image operations at work: the monitor judges and reports as its own user, on a read-only root."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path

from tests.pipeline.parts import call
from tests.system.image.container import run
from tests.system.image.engine import Image
from tests.system.image.size import installed_mb, snapshot
from tests.worlds import World

MOST_MB = 450
MONITOR = ["python", "functions/monitor/main.py"]


def test_monitor_in_the_image_judges_and_draws_a_report(
    operations: Image, world: World, picture: Callable[..., bytes], tmp_path: Path
) -> None:
    world.put("a.jpg", picture(710), tmp_path)
    world.pipeline.process_upload(world.store.find(world.uploads, "a.jpg"), call())
    reports = f"reports-{uuid.uuid4().hex[:10]}"
    world.store.create_bucket(reports)
    job = {**world.environment, "REPORT_BUCKET": reports, "CLOUD_RUN_JOB": "monitor", "CLOUD_RUN_EXECUTION": "e-1"}
    before = snapshot(operations)
    code, output = run(operations, [*MONITOR, "report"], job, tmp_path)
    assert code == 0, output
    outcomes = [json.loads(line)["outcome"] for line in output.splitlines() if line.startswith("{")]
    assert outcomes == ["judged", "reported"]
    [page] = [upload for upload in world.store.uploads(reports) if upload.ref.name.endswith(".html")]
    content = world.store.read(page.ref, 1 << 24)
    assert b"<svg" in content
    assert b"data:image/" in content  # a thumbnail of the archive's picture
    assert snapshot(operations) == before


def test_operations_image_has_plots_and_neither_tensorflow_nor_the_local_cloud(
    operations: Image, tmp_path: Path
) -> None:
    for module in ("tensorflow", "duckdb", "shared.http", "shared.cli", "shared.emulators"):
        script = f"import matplotlib, pillow_heif; import {module}"
        code, output = run(operations, ["python", "-c", script], {}, tmp_path)
        assert code != 0
        assert f"No module named '{module}'" in output


def test_operations_image_is_small(operations: Image) -> None:
    assert installed_mb(operations.application) < MOST_MB
