"""Faults that a test asks the warehouse for, as BigQuery's own client meets them."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import requests
from google.api_core import exceptions as api
from google.cloud import bigquery

from shared.emulators.faults.record import in_order
from tests.emulators.fault_client import FaultControl
from tests.emulators.no_retry import NO_RETRY
from tests.emulators.storage_parts import Process, Storage, running
from tests.emulators.warehouse_parts import PROJECT, SCHEMAS, client_of, failure, failure_ids, insert_failures, inserts
from tests.ports import free_port

pytest_plugins = ("tests.emulators.storage_fixtures", "tests.emulators.warehouse_fixtures")

INSERT = "/tables/failures/insertAll"


@pytest.fixture
def faults(warehouse_faults: FaultControl) -> FaultControl:
    return warehouse_faults


@pytest.fixture
def table(failures_table: str) -> str:
    return failures_table


@pytest.mark.parametrize(
    ("fault", "raised", "reason"),
    [
        ({"status": 429}, api.TooManyRequests, "rateLimitExceeded"),
        ({"status": 403}, api.Forbidden, "rateLimitExceeded"),
        ({"status": 403, "reason": "quotaExceeded"}, api.Forbidden, "quotaExceeded"),
        ({"status": 500}, api.InternalServerError, "internalError"),
        ({"status": 503}, api.ServiceUnavailable, "backendError"),
        ({"kind": "missing"}, api.NotFound, "notFound"),
    ],
)
def test_fault_error_has_the_format_of_bigquery(
    bigquery_client: bigquery.Client, faults: FaultControl, table: str, fault: Any, raised: type[Exception], reason: str
) -> None:
    faults.set(method="POST", path=INSERT, count=1, **fault)
    with pytest.raises(raised) as caught:
        insert_failures(bigquery_client, table)
    assert isinstance(caught.value, api.GoogleAPICallError)
    assert [error["reason"] for error in caught.value.errors] == [reason]
    if reason == "notFound":
        assert f"Table {table.replace('.', ':', 1)} not found." in str(caught.value)
    assert failure_ids(bigquery_client, table) == []


def test_bad_gateway_is_an_html_page(bigquery_client: bigquery.Client, faults: FaultControl, table: str) -> None:
    faults.set(path=INSERT, status=502, count=1)
    with pytest.raises(api.BadGateway) as caught:
        insert_failures(bigquery_client, table)
    assert caught.value.errors == []


def test_partial_fault_stops_the_rest_of_a_batch(
    bigquery_client: bigquery.Client, faults: FaultControl, table: str
) -> None:
    faults.set("partial", path=INSERT, rows=[1], count=1)
    refused = insert_failures(bigquery_client, table, 3)
    assert [(one["index"], one["errors"][0]["reason"]) for one in refused] == [
        (0, "stopped"),
        (1, "invalid"),
        (2, "stopped"),
    ]
    assert failure_ids(bigquery_client, table) == []


def test_partial_fault_inserts_the_rest_with_skip_invalid_rows(
    bigquery_client: bigquery.Client, faults: FaultControl, table: str
) -> None:
    faults.set("partial", path=INSERT, rows=[0, 2, 7], count=2)
    refused = insert_failures(bigquery_client, table, 4, skip_invalid_rows=True)
    assert [(one["index"], one["errors"][0]["reason"]) for one in refused] == [(0, "invalid"), (2, "invalid")]
    assert failure_ids(bigquery_client, table) == ["upload-1", "upload-3"]
    broken = [failure(4), failure(5), failure(6, reason=None), failure(7)]
    refused = bigquery_client.insert_rows_json(
        table, broken, row_ids=list("4567"), skip_invalid_rows=True, retry=NO_RETRY
    )
    assert [one["index"] for one in refused] == [0, 2]
    assert failure_ids(bigquery_client, table) == ["upload-1", "upload-3", "upload-5", "upload-7"]


@pytest.mark.parametrize(
    "fault", [{"kind": "reset"}, {"kind": "missing"}, {"status": 503}, {"kind": "partial"}], ids=str
)
def test_fault_after_the_effect_loses_only_the_answer(
    bigquery_client: bigquery.Client, faults: FaultControl, table: str, fault: Any
) -> None:
    faults.set(path=INSERT, after=True, count=1, **fault)
    with contextlib.suppress(api.GoogleAPICallError, requests.ConnectionError):
        assert insert_failures(bigquery_client, table)
    assert failure_ids(bigquery_client, table) == ["upload-0"]


def test_forget_fault_lets_a_duplicate_row_in(
    bigquery_client: bigquery.Client, faults: FaultControl, table: str
) -> None:
    insert_failures(bigquery_client, table)
    insert_failures(bigquery_client, table)
    assert failure_ids(bigquery_client, table) == ["upload-0"]
    faults.set("forget", path=INSERT, count=1)
    insert_failures(bigquery_client, table)
    assert failure_ids(bigquery_client, table) == ["upload-0", "upload-0"]
    assert [record.row_ids for record in inserts(faults)] == [("upload-0",)] * 3


def hung_up(url: str, table: str) -> None:
    """Insert a row as a client that gives up soon."""
    _, dataset, name = table.split(".")
    address = f"{url}/bigquery/v2/projects/{PROJECT}/datasets/{dataset}/tables/{name}/insertAll"
    body: dict[str, Any] = {"rows": [{"insertId": "upload-0", "json": failure(0)}]}
    with pytest.raises(requests.ReadTimeout):
        requests.post(address, json=body, timeout=(10, 0.2))


@pytest.mark.parametrize(
    ("options", "rows"),
    [({}, []), ({"late": True}, ["upload-0"]), ({"after": True}, ["upload-0"])],
    ids=["before", "before, late", "after"],
)
def test_stall_holds_a_request_before_or_after_its_effect(
    warehouse_url: str,
    bigquery_client: bigquery.Client,
    faults: FaultControl,
    table: str,
    options: dict[str, bool],
    rows: list[str],
) -> None:
    faults.set("stall", path=INSERT, count=1, **options)
    hung_up(warehouse_url, table)
    faults.clear()
    [record] = inserts(faults)
    faults.wait_answered(record.number)
    assert failure_ids(bigquery_client, table) == rows


def test_held_request_can_be_awaited_and_released(
    bigquery_client: bigquery.Client, faults: FaultControl, table: str
) -> None:
    number = faults.set("stall", path=INSERT, count=1)
    other = faults.set("stall", path="/elsewhere")
    refused: list[Any] = []
    caller = threading.Thread(target=lambda: refused.append(insert_failures(bigquery_client, table)))
    caller.start()
    [held] = faults.wait_held()
    assert (held.state, held.fault, held.after, held.row_ids) == ("held", "stall", False, ("upload-0",))
    assert (held.status, held.ended_ns) == (None, None)
    assert {fault["number"]: (fault["struck"], fault["count"]) for fault in faults.faults()} == {
        number: (1, 0),
        other: (0, None),
    }
    assert failure_ids(bigquery_client, table) == []
    faults.clear(number)
    caller.join()
    assert refused == [[]]
    assert faults.wait_answered(held.number).status == 200
    assert [fault["number"] for fault in faults.faults()] == [other]


def test_fault_can_skip_some_requests(bigquery_client: bigquery.Client, faults: FaultControl, table: str) -> None:
    faults.set(path=INSERT, skip=1, count=1)
    insert_failures(bigquery_client, table)
    with pytest.raises(api.ServiceUnavailable):
        insert_failures(bigquery_client, table)
    insert_failures(bigquery_client, table)


def test_records_of_both_services_can_be_sorted(
    object_storage: Storage, bigquery_client: bigquery.Client, faults: FaultControl, table: str
) -> None:
    object_storage.forget()
    buckets = f"{object_storage.url}/storage/v1/b"
    for _ in range(2):
        requests.get(buckets, timeout=10).raise_for_status()
        insert_failures(bigquery_client, table)
    actual = in_order(faults.records(), object_storage.faults.records())
    assert [record.service for record in actual] == ["object store", "warehouse"] * 2
    ended = [record.ended_ns or 0 for record in actual]
    assert ended == sorted(ended)


def test_records_are_read_from_a_number_on(bigquery_client: bigquery.Client, faults: FaultControl, table: str) -> None:
    insert_failures(bigquery_client, table)
    [first] = faults.records()
    insert_failures(bigquery_client, table)
    [second] = faults.records(since=first.number)
    assert second.number == first.number + 1


def test_status_request_is_neither_struck_nor_recorded(warehouse_url: str, faults: FaultControl) -> None:
    faults.set()
    assert requests.get(f"{warehouse_url}/status", timeout=10).json()["status"] == "ready"
    assert faults.records() == []


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ({"kind": "explode"}, "one of status, reset, stall, truncate, missing, partial, forget"),
        ({"kind": "partial", "rows": "first"}, "not valid"),
        ({"skip": "some"}, "not valid"),
        ({"colour": "red"}, "no colour"),
    ],
)
def test_invalid_fault_is_refused(faults: FaultControl, fault: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        faults.set(**fault)
    assert faults.faults() == []


def test_browser_page_cannot_set_a_fault(warehouse_url: str, faults: FaultControl) -> None:
    url = f"{warehouse_url}/_bucketlens/faults"
    fault = {"kind": "reset"}
    assert requests.post(url, json=fault, headers={"Origin": "http://example.com"}, timeout=10).status_code == 403
    assert requests.post(url, data=json.dumps(fault), headers={"Content-Type": "text/plain"}).status_code == 400
    assert faults.faults() == []


def test_faults_from_a_file_are_set_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "faults.json").write_text(json.dumps([{"kind": "missing", "path": "insertAll"}]))
    port = free_port()
    command = [sys.executable, "-m", "shared.emulators.bigquery", "--port", str(port), "--data", str(tmp_path / "data")]
    command += ["--schemas", str(SCHEMAS), "--faults", str(tmp_path / "faults.json"), "--seed", "3"]
    url = f"http://127.0.0.1:{port}"
    process = Process(command, f"{url}/status", tmp_path / "log")
    with running(process), client_of(url) as client, pytest.raises(api.NotFound):
        insert_failures(client, "local.bucketlens.failures")


def test_invalid_faults_file_is_reported_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "faults.json").write_text('[{"kind": "explode"}]')
    command = [sys.executable, "-m", "shared.emulators.bigquery", "--port", "0", "--data", str(tmp_path / "data")]
    environment = {**os.environ, "PYTHONPATH": str(SCHEMAS.parents[1])}
    ended = subprocess.run(
        [*command, "--faults", str(tmp_path / "faults.json")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 1
    assert "is not a list of faults" in ended.stderr
    assert "Traceback" not in ended.stderr
