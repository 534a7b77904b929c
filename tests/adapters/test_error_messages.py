"""The message of a client's error has no address of a service in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.adapters.bigquery import BigQuery
from shared.adapters.error_messages import message_of
from shared.adapters.gcs import CloudStorage
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
def test_message_has_no_addresses(text: str, without: str) -> None:
    assert message_of(ValueError(text)) == without


def test_message_of_a_service_that_does_not_answer_has_no_address(tmp_path: Path) -> None:
    endpoint = f"http://127.0.0.1:{free_port(0, set())}"
    with pytest.raises(StorageUnavailable) as storage:
        CloudStorage(PROJECT, 0.5, endpoint=endpoint).find("bucket", "name")
    with pytest.raises(WarehouseUnavailable) as warehouse:
        BigQuery(PROJECT, DATASET, 0.5, endpoint=endpoint).query("SELECT 1")
    for message in (str(storage.value), str(warehouse.value)):
        assert "127.0.0.1" not in message
        assert "url" not in message


def test_message_of_a_refused_query_has_no_address(cloud: Cloud) -> None:
    with pytest.raises(BadRequest) as refused:
        BigQuery(PROJECT, DATASET, 20, endpoint=cloud.url("warehouse")).query("SELECT nme FROM latest_predictions")
    assert "nme" in str(refused.value)
    assert "http" not in str(refused.value)
