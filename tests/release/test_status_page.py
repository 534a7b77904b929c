"""`bucketlens status` shows revisions, traffic and the queue, to people, to programs and as a page."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from click.testing import CliRunner

from shared.cli.status import command
from shared.local.cloud import Cloud, folder_lock


def test_status_shows_revisions_traffic_and_queue(cloud: Cloud, tmp_path: Path) -> None:
    page = tmp_path / "status.html"
    folder = tmp_path / "cloud"
    folder.mkdir()
    replace(cloud, folder=folder).save()
    with folder_lock(folder):
        CliRunner().invoke(command, ["--folder", str(folder), "--html", str(page)], env={"COLUMNS": "200"})
        state = json.loads(CliRunner().invoke(command, ["--folder", str(folder), "--json"]).stdout)
    for text in ("classify-upload-local", "champion", "events in the queue", "The last hour", "By revision"):
        assert text in page.read_text("utf-8")
    assert [service["champion"] for service in state["releases"]] == ["classify-upload-local", "classify-request-local"]
    assert state["queue"]["pending"] >= 0
    assert {"revision", "images", "rejected", "p50_ms", "p95_ms"} >= {
        name for revision in state["revisions"] for name in revision
    }
