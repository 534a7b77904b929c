"""One exercise for each public method of our adapters: it brings out every kind of request that the method sends."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.adapters import bigquery
from shared.adapters.bigquery import BigQuery
from shared.adapters.gcs import CloudStorage
from shared.emulators.storage.listing import BEFORE_GENERATION
from shared.errors import (
    AlreadyDone,
    BadRequest,
    NameTaken,
    StorageUnavailable,
    Superseded,
    TooManyBytes,
    WarehouseUnavailable,
)
from shared.release.model_events import TABLE, Event, EventModel, ModelEvent, event_row
from shared.types import ImageFacts
from tests.emulators.contract.bench import NAME, Bench
from tests.pipeline import rows

LONG = bytes((8 << 20) + 1)
"""What the client sends as a resumable upload: anything over 8 MiB."""


def read(bench: Bench) -> None:
    """What is there, what is gone, what was overwritten, and what is larger than allowed."""
    ref = bench.put()
    assert bench.store.read(ref, 100) == b"a photo"
    with pytest.raises(TooManyBytes):
        bench.store.read(ref, 3)
    bench.remove(ref)
    with pytest.raises(AlreadyDone):
        bench.store.read(ref, 100)
    bench.put()
    with pytest.raises(Superseded):
        bench.store.read(ref, 100)


def write_once(bench: Bench) -> None:
    """What is new, what is there already, what is long, a name that is taken, and into a bucket that there is not."""
    for content in (b"a photo", b"a photo", LONG):
        bench.store.write_once(bench.world.archive, f"{len(content) // 100}.jpg", content, "image/jpeg")
    with pytest.raises(NameTaken):
        bench.store.write_once(bench.world.archive, "0.jpg", b"another", "image/jpeg")
    with pytest.raises(StorageUnavailable):
        bench.store.write_once("there-is-no-such-bucket", "a.jpg", b"a photo", "image/jpeg")


def upload(bench: Bench) -> None:
    """A short file, a long one, and a name that is taken."""
    for name, content in ((NAME, b"a photo"), ("long.bin", LONG)):
        ref = bench.store.upload(bench.world.uploads, name, bench.file(content))
        assert ref
        assert bench.store.upload(bench.world.uploads, name, bench.file(b"another")) is None
        with bench.aside():
            assert bench.store.read(ref, len(content)) == content
    assert bench.store.upload(bench.world.uploads, "for a model", bench.file(b"bytes"), "flowers", is_probe=True)


def copy_once(bench: Bench) -> None:
    """A copy in two requests, as of a large object; one that is there already; what is gone; no such bucket."""
    ref = bench.put()
    bench.store.copy_once(ref, bench.world.quarantine, "first")
    bench.wires["storage"].amend("/rewriteTo/", done=False, rewriteToken="go-on", resource=None)
    for _ in range(2):
        bench.store.copy_once(ref, bench.world.quarantine, "second")
    bench.store.copy_once(ref, bench.world.quarantine, "for a model", "flowers")
    with pytest.raises(StorageUnavailable):
        bench.store.copy_once(ref, "there-is-no-such-bucket", "third")
    bench.remove(ref)
    with pytest.raises(AlreadyDone):
        bench.store.copy_once(ref, bench.world.quarantine, "third")


def delete(bench: Bench) -> None:
    """What is there, and what is gone."""
    ref = bench.put()
    for _ in range(2):
        bench.store.delete(ref)


def find(bench: Bench) -> None:
    """What is there, and what is not."""
    ref = bench.put()
    assert bench.store.find(bench.world.uploads, NAME).ref == ref
    with pytest.raises(AlreadyDone):
        bench.store.find(bench.world.uploads, "nothing")


def uploads(bench: Bench) -> None:
    """All, on two pages, and those below a prefix."""
    ref = bench.put()
    token = base64.urlsafe_b64encode(f"{ref.name}{BEFORE_GENERATION}0".encode())
    bench.wires["storage"].amend("/o[?]", nextPageToken=token.decode())
    assert {one.ref for one in bench.store.uploads(bench.world.uploads)} == {ref}
    assert [one.ref for one in bench.store.uploads(bench.world.uploads, "holiday/")] == [ref]
    assert [one.ref for one in bench.store.uploads(bench.world.uploads, live_only=True)] == [ref]
    assert list(bench.store.uploads(bench.world.archive)) == []


def create_bucket(bench: Bench) -> None:
    """A new one, one that is there already, and one that keeps versions."""
    for _ in range(2):
        bench.store.create_bucket(f"more-{bench.world.uploads}")
    bench.store.create_bucket(f"versions-{bench.world.uploads}", keeps_versions=True)


def append(bench: Bench) -> None:
    """Every row that there is: full and bare, predictions and failures; and a row that the table does not take."""
    for call, times in ((rows.full_call(), rows.FULL_TIMES), (rows.bare_call(), rows.BARE_TIMES)):
        bench.warehouse.append(rows.prediction(call, rows.full_image(), times))
        bench.warehouse.append(rows.failure(call, rows.full_image(), times))
    with pytest.raises(WarehouseUnavailable, match=r"image\.sha256"):
        bench.warehouse.append(rows.prediction(rows.bare_call(), ImageFacts(1, None), rows.BARE_TIMES))


def append_row(bench: Bench) -> None:
    """A row of a table that no outcome is kept in."""
    model = EventModel("flowers", "1", "ab" * 32)
    event = ModelEvent(
        event_id="1" * 32, happened_at=datetime(2026, 12, 1, tzinfo=UTC), event=Event.VERDICT, model=model
    )
    bench.warehouse.append_row(TABLE, event.event_id, event_row(event))


def query(bench: Bench) -> None:
    """No rows, pages of rows, parameters, what is wrong, and what takes long: waited for, and given up."""
    assert bench.warehouse.query("SELECT * FROM labels WHERE FALSE").rows == []
    sql = "SELECT n, [STRUCT(n AS m)] AS list, TIMESTAMP '2026-01-02 03:04:05' AS t FROM UNNEST(@names) AS n"
    assert len(bench.warehouse.query(sql, names=["a", "b"]).rows) == 2
    assert len(bench.warehouse.query("SELECT n FROM UNNEST(GENERATE_ARRAY(1, 10001)) AS n").rows) == 10_001
    for wrong in ("SELEC 1", "SELECT * FROM nowhere", "SELECT 1 / 0"):
        with pytest.raises(BadRequest):
            bench.warehouse.query(wrong)
    unfinished: dict[str, Any] = {
        "jobComplete": False,
        "rows": None,
        "schema": None,
        "totalRows": None,
        "cacheHit": None,
    }
    wire = bench.wires["warehouse"]
    wire.amend("/queries", **unfinished)
    assert bench.warehouse.query("SELECT 1 AS one").rows == [{"one": 1}]
    wire.amend("/queries", times=100, **unfinished)
    wire.amend("/jobs/[^/]+[?]", times=100, status={"state": "RUNNING"})
    bench.monkeypatch.setattr(bigquery, "QUERY_DEADLINE_S", 0.01)
    with pytest.raises(WarehouseUnavailable, match="TimeoutError"):
        bench.warehouse.query("SELECT 1")


STORAGE: dict[Callable[[Bench], None], set[str]] = {
    read: {"storage.objects.get"},
    write_once: {"storage.objects.insert", "storage.objects.get"},
    upload: {"storage.objects.insert", "storage.objects.get"},
    copy_once: {"storage.objects.rewrite", "storage.objects.get"},
    delete: {"storage.objects.delete"},
    find: {"storage.objects.get"},
    uploads: {"storage.objects.list"},
    create_bucket: {"storage.buckets.insert", "storage.buckets.patch"},
}
"""By exercise, which bears the name of the adapter's method: the methods of Google's that it calls."""

WAREHOUSE: dict[Callable[[Bench], None], set[str]] = {
    append: {"bigquery.tabledata.insertAll"},
    append_row: {"bigquery.tabledata.insertAll"},
    query: {f"bigquery.jobs.{name}" for name in ("query", "get", "getQueryResults", "cancel")},
}

EXERCISES = {
    f"{adapter.__name__}.{exercise.__name__}": (exercise, called)
    for adapter, exercises in ((CloudStorage, STORAGE), (BigQuery, WAREHOUSE))
    for exercise, called in exercises.items()
}
