"""What a person reads of a client's error has no address of a service in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.adapters.bigquery import BigQuery
from shared.adapters.gcs import CloudStorage
from shared.adapters.wording import said
from shared.errors import BadRequest, StorageUnavailable, WarehouseUnavailable
from shared.local.cloud import DATASET, PROJECT, Cloud, free_port

POOL = (
    "HTTPConnectionPool(host='127.0.0.1', port=9): Max retries exceeded with url: /storage/v1/b?x=1 (Caused by "
    "NewConnectionError(\"HTTPConnection(host='127.0.0.1', port=9): Failed to establish a new connection\"))"
)


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("404 GET http://127.0.0.1:9/b/o?alt=json: There is no such table.", "404 There is no such table."),
        (
            POOL,
            'Max retries exceeded (Caused by NewConnectionError("Failed to establish a new connection"))',
        ),
        ("POST is no method of it", "POST is no method of it"),
    ],
)
def test_addresses_are_taken_out(text: str, without: str) -> None:
    assert said(ValueError(text)) == without


def test_a_store_and_a_warehouse_that_do_not_answer_are_told_without_their_address(tmp_path: Path) -> None:
    endpoint = f"http://127.0.0.1:{free_port(0, set())}"
    with pytest.raises(StorageUnavailable) as storage:
        CloudStorage(PROJECT, 0.5, endpoint=endpoint).find("bucket", "name")
    with pytest.raises(WarehouseUnavailable) as warehouse:
        BigQuery(PROJECT, DATASET, 0.5, endpoint=endpoint).query("SELECT 1")
    for told in (str(storage.value), str(warehouse.value)):
        assert "127.0.0.1" not in told
        assert "url" not in told


def test_a_query_that_is_refused_is_told_without_its_address(cloud: Cloud) -> None:
    with pytest.raises(BadRequest) as refused:
        BigQuery(PROJECT, DATASET, 20, endpoint=cloud.url("warehouse")).query("SELECT nme FROM latest_predictions")
    assert "nme" in str(refused.value)
    assert "http" not in str(refused.value)
