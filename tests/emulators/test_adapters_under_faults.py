"""Our adapters when the services fail: bounded attempts, and no success reported for what was not done."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from google.cloud import bigquery
from google.cloud.storage import Bucket

from shared.adapters import retry
from shared.adapters.bigquery import BigQuery
from shared.adapters.gcs import CloudStorage
from shared.errors import StorageUnavailable, WarehouseUnavailable
from shared.types import Call, Failure, ImageFacts, ObjectRef, Source, Times
from tests.emulators.fault_client import FaultControl
from tests.emulators.storage_parts import Storage, eventually
from tests.emulators.warehouse_parts import PROJECT, failure_ids, inserts

pytest_plugins = ("tests.emulators.storage_fixtures", "tests.emulators.warehouse_fixtures")

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""Google's clients leave the sockets of calls that failed to the garbage collector."""

INSERT = "/tables/failures/insertAll"
AMPLE_S = 60.0

PASSING: tuple[dict[str, Any], ...] = (
    *({"status": status} for status in (429, 500, 502, 503, 504)),
    {"kind": "reset"},
    {"kind": "truncate"},
)
"""Transient faults, which another attempt can get past."""

OF_THE_WAREHOUSE: tuple[dict[str, Any], ...] = ({"status": 403}, {"kind": "missing"})


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the pauses between attempts short."""
    monkeypatch.setattr(retry, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(retry, "MAX_PAUSE_S", 0.05)


@pytest.fixture
def faults(warehouse_faults: FaultControl) -> FaultControl:
    return warehouse_faults


@pytest.fixture
def warehouse(warehouse_url: str, failures_table: str, pauses: None) -> Callable[[float], BigQuery]:
    """Return what builds our adapter with a deadline, on the test's own dataset."""
    dataset = failures_table.split(".")[1]
    return lambda deadline_s: BigQuery(PROJECT, dataset, deadline_s, endpoint=warehouse_url)


@pytest.fixture
def rows(bigquery_client: bigquery.Client, failures_table: str) -> Callable[[], list[str]]:
    """Return what reads the ids of the rows that are there."""
    return lambda: failure_ids(bigquery_client, failures_table)


def outcome(number: int = 0) -> Failure:
    ref = ObjectRef("uploads", f"{number}.jpg", 1767323045678901)
    image = ImageFacts(1, None, bucket=ref.bucket, name=ref.name, generation=ref.generation)
    call = Call(Source.EVENT, datetime(2026, 1, 1, tzinfo=UTC))
    return Failure(
        f"upload-{number}", ref.created_at, "not_an_image", "A list.", image, "gs://q/1", call, Times(total_ms=1.0)
    )


Build = Callable[[float], BigQuery]
Rows = Callable[[], list[str]]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("fault", [*PASSING, *OF_THE_WAREHOUSE], ids=str)
def test_append_writes_a_row_once_despite_transient_faults(
    faults: FaultControl, warehouse: Build, rows: Rows, fault: dict[str, Any], after: bool
) -> None:
    faults.set(path=INSERT, count=2, after=after, **fault)
    warehouse(AMPLE_S).append(outcome())
    assert [record.fault is None for record in inserts(faults)] == [False, False, True]
    assert rows() == ["upload-0"]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_append_retries_after_a_stall(faults: FaultControl, warehouse: Build, rows: Rows, after: bool) -> None:
    faults.set("stall", path=INSERT, count=1, after=after)
    warehouse(6.0).append(outcome())
    assert [record.fault for record in inserts(faults)] == ["stall", None]
    assert rows() == ["upload-0"]


@pytest.mark.parametrize(
    "fault", [*(one for one in PASSING if one != {"kind": "truncate"}), *OF_THE_WAREHOUSE, {"kind": "stall"}], ids=str
)
def test_append_fails_for_a_row_that_was_not_stored(
    faults: FaultControl, warehouse: Build, rows: Rows, fault: dict[str, Any]
) -> None:
    """A truncated answer is missing: it is one to a row that was taken."""
    faults.set(path=INSERT, **fault)
    with pytest.raises(WarehouseUnavailable):
        warehouse(0.9).append(outcome())
    assert 1 < len(inserts(faults)) <= retry.MAX_ATTEMPTS
    faults.clear()
    assert rows() == []


def test_append_stops_after_a_few_attempts(faults: FaultControl, warehouse: Build) -> None:
    faults.set(path=INSERT)
    with pytest.raises(WarehouseUnavailable):
        warehouse(AMPLE_S).append(outcome())
    assert len(inserts(faults)) == retry.MAX_ATTEMPTS


@pytest.mark.parametrize("reason", ["invalid", "stopped", "timeout"])
def test_append_fails_for_a_row_refused_inside_a_success(
    faults: FaultControl, warehouse: Build, rows: Rows, reason: str
) -> None:
    faults.set("partial", path=INSERT, reason=reason)
    with pytest.raises(WarehouseUnavailable, match=f"refused the row upload-0.*{reason}"):
        warehouse(AMPLE_S).append(outcome())
    assert len(inserts(faults)) == 1
    assert rows() == []


@pytest.mark.parametrize("reason", ["accessDenied", "quotaExceeded"])
def test_append_does_not_retry_a_permanent_error(faults: FaultControl, warehouse: Build, reason: str) -> None:
    faults.set(path=INSERT, status=403, reason=reason)
    with pytest.raises(WarehouseUnavailable):
        warehouse(AMPLE_S).append(outcome())
    assert len(inserts(faults)) == 1


def test_retries_of_parallel_callers_are_spread(faults: FaultControl, warehouse: Build) -> None:
    faults.set(path=INSERT, count=8)
    adapter = warehouse(AMPLE_S)
    callers = [threading.Thread(target=adapter.append, args=(outcome(number),)) for number in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    eventually(lambda: all(record.ended_ns for record in inserts(faults)))
    began: dict[Any, list[int]] = {}
    for record in inserts(faults):
        began.setdefault(record.row_ids, []).append(record.began_ns)
    gaps = [later - earlier for times in began.values() for earlier, later in itertools.pairwise(times)]
    assert (len(gaps), len(set(gaps))) == (8, 8)


@pytest.fixture
def store(object_storage: Storage, pauses: None) -> CloudStorage:
    """Our adapter of the object store."""
    return CloudStorage(PROJECT, AMPLE_S, endpoint=object_storage.url)


@pytest.fixture
def photo(bucket: Bucket, object_storage: Storage) -> ObjectRef:
    """An object; no faults, no requests on record."""
    blob = bucket.blob("photo")
    blob.upload_from_string(b"a photograph", retry=None)
    object_storage.forget()
    return ObjectRef(bucket.name, "photo", int(blob.generation))


def read(store: CloudStorage, photo: ObjectRef) -> bool:
    return store.read(photo, 100) == b"a photograph"


def write_once(store: CloudStorage, photo: ObjectRef) -> bool:
    store.write_once(photo.bucket, "made", b"a photograph", "image/jpeg")
    return store.read(store.find(photo.bucket, "made").ref, 100) == b"a photograph"


def copy_once(store: CloudStorage, photo: ObjectRef) -> bool:
    store.copy_once(photo, photo.bucket, "made")
    return store.read(store.find(photo.bucket, "made").ref, 100) == b"a photograph"


def delete(store: CloudStorage, photo: ObjectRef) -> bool:
    store.delete(photo)
    return list(store.uploads(photo.bucket)) == []


def find(store: CloudStorage, photo: ObjectRef) -> bool:
    return store.find(photo.bucket, photo.name).ref == photo


def uploads(store: CloudStorage, photo: ObjectRef) -> bool:
    return [upload.ref for upload in store.uploads(photo.bucket)] == [photo]


DOING = (read, write_once, copy_once, delete, find, uploads)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("fault", PASSING, ids=str)
@pytest.mark.parametrize("do", DOING, ids=lambda do: do.__name__)
def test_object_is_handled_once_despite_transient_faults(
    object_storage: Storage,
    store: CloudStorage,
    photo: ObjectRef,
    do: Callable[[CloudStorage, ObjectRef], bool],
    fault: dict[str, Any],
    after: bool,
) -> None:
    object_storage.set_fault(count=2, after=after, **fault)
    assert do(store, photo)
    assert object_storage.faults.records()[0].fault


@pytest.mark.parametrize("do", DOING, ids=lambda do: do.__name__)
def test_object_store_call_retries_after_a_stall(
    object_storage: Storage, photo: ObjectRef, do: Callable[[CloudStorage, ObjectRef], bool]
) -> None:
    object_storage.set_fault(kind="stall", count=1)
    assert do(CloudStorage(PROJECT, 3.0, endpoint=object_storage.url), photo)
    assert object_storage.faults.records()[0].fault == "stall"


@pytest.mark.parametrize("do", DOING, ids=lambda do: do.__name__)
def test_object_store_call_stops_after_a_few_attempts(
    object_storage: Storage, store: CloudStorage, photo: ObjectRef, do: Callable[[CloudStorage, ObjectRef], bool]
) -> None:
    object_storage.set_fault(status=503)
    with pytest.raises(StorageUnavailable):
        do(store, photo)
    assert len(object_storage.faults.records()) >= retry.MAX_ATTEMPTS


def test_object_store_call_ends_at_its_deadline(object_storage: Storage, photo: ObjectRef) -> None:
    object_storage.set_fault(kind="stall")
    with pytest.raises(StorageUnavailable):
        CloudStorage(PROJECT, 0.9, endpoint=object_storage.url).delete(photo)
    object_storage.faults.clear()
    assert CloudStorage(PROJECT, AMPLE_S, endpoint=object_storage.url).find(photo.bucket, photo.name).ref == photo
