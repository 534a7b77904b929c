"""The warehouse on BigQuery: rows are streamed into append-only tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from google.api_core import exceptions as api
from google.api_core.retry import Retry, if_exception_type
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery

from shared.errors import WarehouseUnavailable
from shared.record import failure_row, prediction_row
from shared.types import Failure, Recorded

UNAVAILABLE = (api.GoogleAPIError, GoogleAuthError, OSError)
"""The families that the client raises from; they share no base class but Exception."""

WORTH_ANOTHER_TRY = if_exception_type(
    api.TooManyRequests,
    api.InternalServerError,
    api.BadGateway,
    api.ServiceUnavailable,
    api.GatewayTimeout,
    api.NotFound,  # a table that was just created can be missing for a while
    ConnectionError,
    TimeoutError,
)


class BigQuery:
    """``ports.Warehouse`` on the real client. Thread-safe.

    Args:
        project: the project that holds the dataset.
        dataset: the dataset's name.
        deadline_s: an append ends within this many seconds, retries included.
        is_emulated: the library was pointed at a local warehouse, which asks for no credentials.
    """

    def __init__(self, project: str, dataset: str, deadline_s: float, *, is_emulated: bool = False) -> None:
        credentials = AnonymousCredentials() if is_emulated else None  # type: ignore[no-untyped-call]
        self._client = bigquery.Client(project=project, credentials=credentials)
        self._dataset = f"{project}.{dataset}"
        self._deadline_s = deadline_s
        self._retry = Retry(
            predicate=WORTH_ANOTHER_TRY, initial=0.2, maximum=2.0, multiplier=2.0, timeout=deadline_s
        )

    def append(self, outcome: Recorded) -> None:
        """See ``ports.Warehouse.append``. The row's id is its insertId, which spares most duplicates, not all."""
        now = datetime.now(UTC)
        if isinstance(outcome, Failure):
            self._insert("failures", outcome.failure_id, failure_row(outcome, now))
        else:
            self._insert("predictions", outcome.prediction_id, prediction_row(outcome, now))

    def _insert(self, table: str, row_id: str, row: dict[str, Any]) -> None:
        name = f"{self._dataset}.{table}"
        with translated(f"appending {row_id} to {name}"):
            # insert_rows_json returns the rows that were refused, and raises only for the request as a whole.
            refused = self._client.insert_rows_json(
                name, [row], row_ids=[row_id], retry=self._retry, timeout=self._deadline_s
            )
        if refused:
            raise WarehouseUnavailable(
                f"{name} refused the row {row_id}: {refused}. Compare its schema with infra/bigquery/tables/{table}.json."
            )


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn whatever the client raises into an error of ours; the only place that does.

    Raises:
        WarehouseUnavailable: everything that the client, its transport or its credentials raise.
    """
    try:
        yield
    except UNAVAILABLE as error:
        raise WarehouseUnavailable(f"While {what}: {type(error).__name__}: {error}") from error
