"""A data folder of an earlier day opens: its objects, rows, pending events and releases are there.

``data_folder_of_2026_11_30.tar.xz`` was written by the code of 2026-11-30, before the emulators stood alone: an upload
with two generations whose events no function took, an archived object, a row of ``predictions``, and a release of
``classify-upload`` with a challenger at 10 %.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import tarfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.bigquery import BigQuery
from shared.local.cloud import BEHIND_FRONT, DATASET, PROJECT, Cloud, folder_lock, new_cloud, saved_cloud
from shared.local.releases.ledger import path_of, read
from shared.local.releases.parts import FRONTS
from shared.local.supervisor import Supervisor
from shared.settings import DEFAULT_BUNDLE
from tests.emulators.storage_parts import client_of, eventually

FOLDER = Path(__file__).with_name("data_folder_of_2026_11_30.tar.xz")
GENERATIONS = [1796074144274995, 1796074144572026]

EVENTS_OF_ANY_AGE = {"MAX_EVENT_AGE_S": str(10**9)}
"""Functions leave old events to the sweep, which is off here; the folder's events grow older every day."""


def queue_now(relay: Path) -> None:
    """Put the pending events into the relay's queue at this moment: it drops those that wait for more than a day."""
    with contextlib.closing(sqlite3.connect(relay)) as queue, queue:
        queue.execute("UPDATE deliveries SET added_at = ?1, due_at = ?1", (time.time(),))


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The local cloud that `up` starts on the folder."""
    folder = tmp_path_factory.mktemp("earlier")
    with tarfile.open(FOLDER) as archive:
        archive.extractall(folder, filter="data")
    assert saved_cloud(folder), "cloud.json of then is read"
    queue_now(folder / "relay.sqlite")
    supervisor = Supervisor(new_cloud(folder, DEFAULT_BUNDLE, settings=EVENTS_OF_ANY_AGE), print, sweep_every_s=0)
    with folder_lock(folder):
        try:
            supervisor.start()
            yield supervisor.cloud
        finally:
            supervisor.stop()


def rows(cloud: Cloud, sql: str) -> list[dict[str, Any]]:
    return BigQuery(PROJECT, DATASET, 20, endpoint=cloud.url("warehouse")).query(sql).rows


def test_earlier_folder_keeps_the_objects_of_its_archive(cloud: Cloud) -> None:
    with client_of(cloud.url("storage")) as client:
        [archived] = [blob for blob in client.list_blobs("bucketlens-archive") if blob.name == "34/34ab.jpg"]
        assert archived.download_as_bytes() == b"archived"
        assert client.get_bucket("bucketlens-uploads").versioning_enabled


def test_earlier_folder_keeps_its_rows(cloud: Cloud) -> None:
    actual = rows(cloud, "SELECT image.generation AS generation, label FROM latest_predictions")
    assert actual == [{"generation": 1767323045678901, "label": "rose"}]


def test_earlier_folder_gains_new_columns_with_nulls(cloud: Cloud) -> None:
    added = "is_unfamiliar, signals, image.generated_by, call.batch_id, call.is_probe"
    [actual] = rows(cloud, f"SELECT {added} FROM latest_predictions WHERE image.generation = 1767323045678901")
    assert actual == dict.fromkeys(("is_unfamiliar", "signals", "generated_by", "batch_id", "is_probe"))


def test_earlier_folder_delivers_its_pending_events(cloud: Cloud) -> None:
    """What they announce are no pictures, so that each becomes a row of failures."""
    sql = "SELECT image.generation AS generation, reason FROM failures ORDER BY 1"
    eventually(lambda: len(rows(cloud, sql)) == len(GENERATIONS))
    assert [row["generation"] for row in rows(cloud, sql)] == GENERATIONS


def test_earlier_folder_resumes_its_release_behind_fronts(cloud: Cloud) -> None:
    ledger = read(path_of(cloud.folder))
    assert ledger
    upload = ledger.services["classify-upload"]
    first, challenger = upload.revisions
    assert (first.port, challenger.name) == (
        cloud.ports[BEHIND_FRONT["classify_upload"]],
        "classify-upload-00002-abcdef",
    )
    assert [target.percent for target in upload.traffic] == [90, 10]
    assert {*FRONTS, "classify_upload-00002-abcdef"} <= set(cloud.children)
    for function in BEHIND_FRONT:
        with urllib.request.urlopen(f"{cloud.url(function)}/_bucketlens/status", timeout=10) as answer:
            assert json.load(answer) == {"ready": True}
