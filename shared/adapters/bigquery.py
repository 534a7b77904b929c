"""The warehouse on BigQuery: rows are streamed into append-only tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from google.api_core import exceptions as api
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_JOB_RETRY, DEFAULT_RETRY
from urllib3.exceptions import HTTPError

from shared.adapters.error_messages import message_of
from shared.adapters.retry import RetryPolicy, is_transient, read_environment_once
from shared.errors import BadRequest, RowRefused, WarehouseUnavailable
from shared.pipeline.record import failure_row, label_row, prediction_row
from shared.types import Correction, Failure, Prediction, Recorded

SERVICE = "https://bigquery.googleapis.com"

UNAVAILABLE = (api.GoogleAPIError, GoogleAuthError, HTTPError, OSError)
"""The families that the client raises from; they share no base class but Exception."""

QUERY_DEADLINE_S = 120

PERMANENT_REASONS = {"invalid", "invalidQuery"}
"""Reasons that blame the row itself: https://cloud.google.com/bigquery/docs/error-messages."""


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a query: column names in order, and each row by column."""

    columns: list[str]
    rows: list[dict[str, Any]]
    affected: int | None = None
    """Number of rows that a statement changed; None for a query."""


class BigQuery:
    """``ports.Warehouse`` on the real client. Thread-safe.

    Args:
        project: the project that holds the dataset.
        dataset: the dataset's name.
        deadline_s: an append ends within this many seconds, retries included.
        endpoint: URL of a local warehouse, which needs no credentials; None for BigQuery itself.
    """

    def __init__(self, project: str, dataset: str, deadline_s: float, *, endpoint: str | None = None) -> None:
        credentials = AnonymousCredentials() if endpoint else None
        options = {"api_endpoint": endpoint} if endpoint else None
        self._client = bigquery.Client(project=project, credentials=credentials, client_options=options)
        self._dataset = f"{project}.{dataset}"
        read_environment_once(self._client._http, endpoint or SERVICE)
        self._retry_policy = RetryPolicy(self._client._http, deadline_s, is_retryable)
        self._retry_of_queries = DEFAULT_RETRY.with_timeout(deadline_s)
        self._retry_of_jobs = DEFAULT_JOB_RETRY.with_timeout(deadline_s)  # the client's default exceeds ten minutes

    def append(self, outcome: Recorded | Correction) -> None:
        """See ``ports.Warehouse.append``."""
        now = datetime.now(UTC)
        match outcome:
            case Prediction():
                self.append_row("predictions", outcome.prediction_id, prediction_row(outcome, now))
            case Failure():
                self.append_row("failures", outcome.failure_id, failure_row(outcome, now))
            case Correction():
                self.append_row("labels", outcome.label_id, label_row(outcome))

    def query(self, sql: str, **parameters: Sequence[str]) -> Result:
        """Run a GoogleSQL query; unqualified names belong to the client's dataset.

        Args:
            sql: the query.
            parameters: lists of strings, as ``@name`` in the query.

        Raises:
            BadRequest: the query cannot be run as it is; the message is BigQuery's own.
            WarehouseUnavailable: no answer within the deadline.
        """
        config = bigquery.QueryJobConfig(
            default_dataset=self._dataset,
            query_parameters=[
                bigquery.ArrayQueryParameter(name, "STRING", list(values)) for name, values in parameters.items()
            ],
        )
        try:
            with translate_errors("running a query"):
                rows = self._client.query_and_wait(
                    sql,
                    job_config=config,
                    retry=self._retry_of_queries,
                    job_retry=self._retry_of_jobs,
                    wait_timeout=QUERY_DEADLINE_S,
                )
                columns = [field.name for field in rows.schema]
                return Result(columns, [dict(row.items()) for row in rows], rows.num_dml_affected_rows)
        except WarehouseUnavailable as error:
            if isinstance(error.__cause__, (api.BadRequest, api.NotFound, api.Forbidden)):
                raise BadRequest(f"BigQuery refused the query: {_first_detail(error.__cause__)}") from error
            raise

    def append_row(self, table: str, row_id: str, row: dict[str, Any]) -> None:
        """Append a row to a table; its id is the insertId, with which BigQuery removes most duplicates, not all.

        Raises:
            RowRefused: the table does not accept the row.
            WarehouseUnavailable: no answer within the deadline; the row may have been appended.
        """
        name = f"{self._dataset}.{table}"
        with translate_errors(f"appending {row_id} to {name}"), self._retry_policy.call() as retry_options:
            # insert_rows_json returns the rows that were refused, and raises only for the request as a whole.
            refused = self._client.insert_rows_json(name, [row], row_ids=[row_id], **retry_options)
        if refused:
            kind = RowRefused if _reasons(refused) & PERMANENT_REASONS else WarehouseUnavailable
            raise kind(f"{name} refused the row {row_id}: {refused}. Compare its schema with infra/bigquery/tables.")


def _reasons(refused: Sequence[dict[str, Any]]) -> set[str]:
    return {str(fault.get("reason")) for row in refused for fault in row.get("errors", ())}


def is_retryable(error: BaseException) -> bool:
    """Return whether appending again may help; a table that was just created can be missing for a while."""
    return isinstance(error, api.NotFound) or is_transient(error)


@contextmanager
def translate_errors(action: str) -> Iterator[None]:
    """Translate every error of the client into one of ``shared.errors``; nothing else does that.

    Raises:
        RowRefused: BigQuery will never accept the request (400, 413).
        WarehouseUnavailable: any other error of the client, its transport or its credentials.
    """
    try:
        yield
    except UNAVAILABLE as error:
        kind = RowRefused if getattr(error, "code", None) in (400, 413) else WarehouseUnavailable
        raise kind(f"While {action}: {type(error).__name__}: {message_of(error)}") from error


def _first_detail(error: api.GoogleAPICallError) -> str:
    """Return BigQuery's own message about a request, without the client's ``POST https://…:`` before it."""
    details = [
        str(detail["message"]) for detail in error.errors or () if isinstance(detail, dict) and detail.get("message")
    ]
    return details[0] if details else message_of(error)
