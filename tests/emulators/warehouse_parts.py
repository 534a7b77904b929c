"""What the warehouse's tests share: the real client, and rows of our tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from shared.emulators.faults.record import Record
from tests.emulators.fault_client import FaultControl
from tests.emulators.no_retry import NO_RETRY

SCHEMAS = Path(__file__).parents[2] / "infra" / "bigquery"
PROJECT = "local"


def client_of(url: str) -> bigquery.Client:
    """Return the real client, turned to a warehouse."""
    return bigquery.Client(PROJECT, AnonymousCredentials(), client_options={"api_endpoint": url})


def prediction(number: int = 0, **changes: Any) -> dict[str, Any]:
    """Return a row of ``predictions`` that is valid; ``changes`` replace columns."""
    moment = "2026-01-02T03:04:05.678901Z"
    row: dict[str, Any] = {
        "prediction_id": f"prediction-{number}",
        "upload_id": f"upload-{number}",
        "uploaded_on": "2026-01-02",
        "uploaded_at": moment,
        "recorded_at": moment,
        "label": "rose",
        "score": 0.9,
        "needs_review": False,
        "candidates": [{"label": "rose", "score": 0.9}, {"label": "tulip", "score": 0.1}],
        "image": {
            "bucket": "uploads",
            "name": f"{number}.jpg",
            "generation": "1767323045678901",
            "archive_uri": "gs://archive/00/00.jpg",
            "sha256": "0" * 64,
            "format": "jpeg",
            "width_px": 320,
            "height_px": 240,
            "size_bytes": 46000,
        },
        "model": {"name": "flowers", "version": "1", "digest": "d" * 64, "runtime": "litert"},
        "call": {
            "source": "event",
            "received_at": moment,
            "service": "classify-upload",
            "revision": "r1",
            "is_cold_start": False,
            "received_bytes": 46000,
            "times": {"decode_ms": 1.5, "classify_ms": 4.0, "total_ms": 12.5},
        },
    }
    return row | changes


def failure(number: int = 0, **changes: Any) -> dict[str, Any]:
    """Return a row of ``failures`` that is valid; ``changes`` replace columns."""
    like = prediction(number)
    image = {key: like["image"][key] for key in ("bucket", "name", "generation", "size_bytes")}
    row: dict[str, Any] = {key: like[key] for key in ("uploaded_on", "uploaded_at", "recorded_at", "call")}
    row |= {"failure_id": f"upload-{number}", "reason": "not_an_image", "detail": "This is no picture."}
    row |= {"image": image | {"quarantine_uri": f"gs://quarantine/upload-{number}"}}
    return row | changes


def failure_ids(client: bigquery.Client, table: str) -> list[str]:
    """Return the ids of a table's rows, a duplicate as often as it is there."""
    actual = client.query_and_wait(f"SELECT failure_id FROM `{table}` ORDER BY 1", retry=NO_RETRY, job_retry=NO_RETRY)
    return [row["failure_id"] for row in actual]


def insert_failures(client: bigquery.Client, table: str, count: int = 1, **options: Any) -> Sequence[dict[str, Any]]:
    """Insert rows ``upload-0``, ``upload-1`` …; returns what was refused."""
    rows = [failure(number) for number in range(count)]
    ids = [row["failure_id"] for row in rows]
    return client.insert_rows_json(table, rows, row_ids=ids, retry=NO_RETRY, **options)


def inserts(faults: FaultControl) -> list[Record]:
    """Return the insertAll requests on record."""
    return [record for record in faults.records() if record.path.endswith("insertAll")]
