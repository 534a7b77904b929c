"""Faults that a test asks the object store for, as the real client meets them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import requests
from google.api_core import exceptions
from google.cloud.storage import Bucket
from google.cloud.storage.retry import DEFAULT_RETRY

from tests.emulators.storage_parts import HOST, ROOT, Process, Storage, client_of, running
from tests.ports import free_port

pytest_plugins = ("tests.emulators.storage_fixtures",)

RETRY = DEFAULT_RETRY.with_delay(initial=0.01, maximum=0.05).with_timeout(10)


@pytest.fixture
def bucket(bucket: Bucket, object_storage: Storage) -> Bucket:
    """A bucket with one object, ``photo``; no faults, no requests on record."""
    bucket.blob("photo").upload_from_string(b"a photograph", retry=None)
    object_storage.forget()
    return bucket


def test_fault_status_is_sent_as_often_as_configured(object_storage: Storage, bucket: Bucket) -> None:
    object_storage.set_fault(method="DELETE", path=r"/o/photo\b", status=429, count=2)
    bucket.blob("photo").delete(retry=RETRY)
    assert [request.status for request in object_storage.faults.records()] == [429, 429, 204]
    assert not bucket.blob("photo").exists(retry=None)


def test_fault_strikes_only_matching_requests(object_storage: Storage, bucket: Bucket) -> None:
    object_storage.set_fault(method="DELETE", path="/o/other")
    bucket.blob("photo").delete(retry=None)


def test_reset_before_the_change_leaves_the_object(object_storage: Storage, bucket: Bucket) -> None:
    object_storage.set_fault(method="DELETE", kind="reset", count=1)
    with pytest.raises(requests.exceptions.ConnectionError):
        bucket.blob("photo").delete(retry=None)
    assert bucket.blob("photo").exists(retry=None)


@pytest.mark.parametrize("kind", ["reset", "status"])
def test_fault_after_the_change_loses_only_the_answer(object_storage: Storage, bucket: Bucket, kind: str) -> None:
    object_storage.set_fault(method="POST", kind=kind, count=1, after=True)
    with pytest.raises(exceptions.PreconditionFailed):  # the second try finds what the first one made
        bucket.blob("copy").upload_from_string(b"once", if_generation_match=0, retry=RETRY)
    assert bucket.blob("copy").download_as_bytes(retry=None) == b"once"


@pytest.mark.parametrize("size", [1_000, 2_000_000])
def test_truncated_download_is_noticed_and_retried(object_storage: Storage, bucket: Bucket, size: int) -> None:
    content = os.urandom(size)
    bucket.blob("large").upload_from_string(content, retry=None)
    object_storage.set_fault(method="GET", path="alt=media", kind="truncate", count=1)
    assert bucket.blob("large").download_as_bytes(retry=RETRY) == content
    downloads = [request for request in object_storage.faults.records() if request.method == "GET"]
    assert [request.fault for request in downloads] == ["truncate", None]


def test_stalled_answer_exceeds_the_client_deadline(object_storage: Storage, bucket: Bucket) -> None:
    object_storage.set_fault(method="GET", kind="stall", seconds=0.6, count=1)
    with pytest.raises(requests.exceptions.ReadTimeout):
        bucket.blob("photo").download_as_bytes(timeout=0.2, retry=None)
    assert bucket.blob("photo").download_as_bytes(retry=None) == b"a photograph"


def test_stalled_request_does_not_block_the_object(object_storage: Storage, bucket: Bucket) -> None:
    object_storage.set_fault(method="GET", kind="stall", seconds=3, count=1)
    with pytest.raises(requests.exceptions.ReadTimeout):
        bucket.blob("photo").download_as_bytes(timeout=0.1, retry=None)
    bucket.blob("photo").delete(timeout=5, retry=None)


@pytest.mark.parametrize(
    ("options", "is_left"),
    [({}, True), ({"late": True}, False), ({"after": True}, False)],
    ids=["before", "before, late", "after"],
)
def test_held_request_of_a_gone_client_has_its_effect_only_if_late(
    object_storage: Storage, bucket: Bucket, options: dict[str, bool], is_left: bool
) -> None:
    object_storage.set_fault(method="DELETE", kind="stall", count=1, **options)
    with pytest.raises(requests.exceptions.ReadTimeout):
        bucket.blob("photo").delete(timeout=0.2, retry=None)
    object_storage.faults.clear()
    object_storage.faults.wait_answered(object_storage.faults.records()[0].number)
    assert bucket.blob("photo").exists(retry=None) == is_left


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_held_request_is_recorded_and_continues_without_its_fault(
    object_storage: Storage, bucket: Bucket, after: bool
) -> None:
    object_storage.set_fault(method="DELETE", kind="stall", count=1, after=after)
    caller = threading.Thread(target=bucket.blob("photo").delete, kwargs={"retry": None})
    caller.start()
    [held] = object_storage.faults.wait_held()
    assert (held.method, held.state, held.after, held.status, held.ended_ns) == ("DELETE", "held", after, None, None)
    assert [fault["struck"] for fault in object_storage.faults.faults()] == [1]
    with client_of(object_storage.url) as other:
        assert other.bucket(bucket.name).blob("photo").exists(retry=None) != after
    object_storage.faults.clear()
    caller.join()
    assert object_storage.faults.wait_answered(held.number).status == 204
    assert not bucket.blob("photo").exists(retry=None)


@pytest.mark.parametrize(
    ("status", "reason", "domain"),
    [
        (403, "forbidden", "global"),
        (408, "uploadBrokenConnection", "global"),
        (429, "rateLimitExceeded", "usageLimits"),
        (500, "internalError", "global"),
        (503, "backendError", "global"),
    ],
)
def test_fault_error_has_the_format_of_cloud_storage(
    object_storage: Storage, bucket: Bucket, status: int, reason: str, domain: str
) -> None:
    object_storage.set_fault(status=status, count=1)
    with pytest.raises(exceptions.GoogleAPICallError) as caught:
        bucket.blob("photo").delete(retry=None)
    assert (caught.value.code, caught.value.errors[0]["reason"]) == (status, reason)
    assert caught.value.errors[0]["domain"] == domain


def test_bad_gateway_is_an_html_page(object_storage: Storage, bucket: Bucket) -> None:
    object_storage.set_fault(status=502, count=1)
    with pytest.raises(exceptions.BadGateway) as caught:
        bucket.blob("photo").delete(retry=None)
    assert caught.value.errors == []


def test_record_has_requests_in_order_with_preconditions(object_storage: Storage, bucket: Bucket) -> None:
    blob = bucket.blob("ä photo")
    blob.upload_from_string(b"second", if_generation_match=0, retry=None)
    blob.delete(if_generation_match=blob.generation, retry=None)
    made, deleted = object_storage.faults.records()
    assert (made.method, made.query["ifGenerationMatch"], made.status) == ("POST", "0", 200)
    assert (deleted.method, deleted.status) == ("DELETE", 204)
    assert deleted.path == f"/storage/v1/b/{bucket.name}/o/%C3%A4%20photo"
    assert deleted.query["ifGenerationMatch"] == str(blob.generation)
    assert (made.service, made.state, deleted.state) == ("object store", "answered", "answered")
    assert made.number < deleted.number
    assert made.began_ns <= (made.ended_ns or 0) <= deleted.began_ns <= (deleted.ended_ns or 0)


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ({"kind": "explode"}, "must be one of"),
        ({"probability": 2}, "0 to 1"),
        ({"status": 200}, "400 to 599"),
        ({"path": "("}, "not valid"),
        ({"colour": "red"}, "no colour"),
    ],
)
def test_invalid_fault_is_refused(object_storage: Storage, fault: dict[str, Any], complaint: str) -> None:
    answer = requests.post(f"{object_storage.url}/_bucketlens/faults", json=fault, timeout=10)
    assert answer.status_code == 400
    assert complaint in answer.json()["error"]["message"]


def test_faults_from_a_file_are_reproducible_by_seed(tmp_path: Path) -> None:
    (tmp_path / "faults.json").write_text(json.dumps([{"probability": 0.5, "status": 500}]))
    struck = []
    for run in range(2):
        port = free_port()
        command = [*of_a_store(port, tmp_path / f"{run}"), "--faults", str(tmp_path / "faults.json"), "--seed", "7"]
        url = f"http://{HOST}:{port}"
        with running(Process(command, f"{url}/_bucketlens/status", tmp_path / f"store{run}.log")):
            struck.append([requests.get(f"{url}/storage/v1/b", timeout=10).status_code for _ in range(20)])
    assert struck[0] == struck[1]
    assert set(struck[0]) == {200, 500}


def test_store_reports_a_taken_port_in_a_sentence(object_storage: Storage, tmp_path: Path) -> None:
    port = int(object_storage.url.rsplit(":", 1)[1])
    ended = subprocess.run(of_a_store(port, tmp_path), cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"Error: The object store cannot listen on {HOST}:{port}")
    assert len(ended.stderr.splitlines()) == 1


def test_store_reports_a_folder_in_use_in_a_sentence(object_storage: Storage) -> None:
    command = of_a_store(free_port(), object_storage.folder / "objects")
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 1
    assert "another process has" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def of_a_store(port: int, folder: Path) -> list[str]:
    """Return what starts an object store."""
    return [sys.executable, "-m", "shared.emulators.storage", "--port", str(port), "--data", str(folder)]
