"""Each call and answer of the table in docs/reliability.md raises the error that the table names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from shared.adapters.bigquery import BigQuery
from shared.adapters.gcs import CloudStorage
from shared.errors import BucketlensError
from tests.adapters.failing_server import FAILURE, LONG_S, SHORT_S, STORAGE_CALLS, server

__all__ = ["server"]

DOCUMENT = (Path(__file__).parents[2] / "docs" / "reliability.md").read_text("utf-8")
STATUSES = (400, 401, 403, 404, 405, 408, 409, 410, 411, 412, 413, 429, 500, 501, 502, 503, 504)
"""The statuses of https://cloud.google.com/storage/docs/json_api/v1/status-codes and
https://cloud.google.com/bigquery/docs/error-messages that are errors of our calls."""


def rows() -> Iterator[tuple[str, int, str]]:
    """Yield each call, answer and error of the table."""
    _, _, after_mark = DOCUMENT.partition("<!-- errors -->")
    for line in after_mark.partition("<!-- /errors -->")[0].strip().splitlines()[2:]:
        calls, answers, error, _ = (cell.strip() for cell in line.strip("|").split(" | "))
        for call in re.findall(r"`(\w+)`", calls):
            for status in answers.split(", "):
                yield call, int(status), error.strip("`")


def test_error_table_has_each_call_and_answer_once() -> None:
    table = Counter((call, status) for call, status, _ in rows())
    assert table == Counter((call, status) for call in (*STORAGE_CALLS, "append") for status in STATUSES)


@pytest.mark.parametrize("call", [*STORAGE_CALLS, "append"])
def test_error_table_names_the_error_of_each_answer(server: ThreadingHTTPServer, call: str) -> None:
    expected = {status: error for name, status, error in rows() if name == call}
    errors = {}
    for status, error in expected.items():
        server.how = status  # type: ignore[attr-defined]
        deadline_s = SHORT_S if error.endswith("Unavailable") else LONG_S
        errors[status] = error_of(call, f"http://127.0.0.1:{server.server_port}", deadline_s)
    assert errors == expected


def error_of(call: str, endpoint: str, deadline_s: float) -> str:
    try:
        if call == "append":
            BigQuery("p", "d", deadline_s, endpoint=endpoint).append(FAILURE)
        else:
            STORAGE_CALLS[call](CloudStorage("p", deadline_s, endpoint=endpoint))
    except BucketlensError as error:
        return type(error).__name__
    return "none"
