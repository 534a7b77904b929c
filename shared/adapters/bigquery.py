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

from shared.adapters.retry import Patience, is_passing, read_environment_once
from shared.adapters.wording import said
from shared.errors import BadRequest, RowRefused, WarehouseUnavailable
from shared.pipeline.record import failure_row, label_row, prediction_row
from shared.types import Correction, Failure, Prediction, Recorded

SERVICE = "https://bigquery.googleapis.com"

UNAVAILABLE = (api.GoogleAPIError, GoogleAuthError, HTTPError, OSError)
"""The families that the client raises from; they share no base class but Exception."""

QUERY_DEADLINE_S = 120

LASTING = {"invalid", "invalidQuery"}
"""Reasons for which BigQuery refuses a row itself: https://cloud.google.com/bigquery/docs/error-messages."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a query gave: column names in order, and each row by column."""

    columns: list[str]
    rows: list[dict[str, Any]]
    affected: int | None = None
    """How many rows a statement changed; None for one that only asks."""


class BigQuery:
    """``ports.Warehouse`` on the real client. Thread-safe.

    Args:
        project: the project that holds the dataset.
        dataset: the dataset's name.
        deadline_s: an append ends within this many seconds, retries included.
        endpoint: of a local warehouse, which asks for no credentials; None for BigQuery itself.
    """

    def __init__(self, project: str, dataset: str, deadline_s: float, *, endpoint: str | None = None) -> None:
        credentials = AnonymousCredentials() if endpoint else None  # type: ignore[no-untyped-call]
        options = {"api_endpoint": endpoint} if endpoint else None
        self._client = bigquery.Client(project=project, credentials=credentials, client_options=options)
        self._dataset = f"{project}.{dataset}"
        read_environment_once(self._client._http, endpoint or SERVICE)
        self._patience = Patience(self._client._http, deadline_s, is_worth_another_try)
        self._retry_of_queries = DEFAULT_RETRY.with_timeout(deadline_s)
        self._retry_of_jobs = DEFAULT_JOB_RETRY.with_timeout(deadline_s)  # ten minutes and more, if nothing is said

    def append(self, outcome: Recorded | Correction) -> None:
        """See ``ports.Warehouse.append``. The row's id is its insertId, which spares most duplicates, not all."""
        now = datetime.now(UTC)
        match outcome:
            case Prediction():
                self._insert("predictions", outcome.prediction_id, prediction_row(outcome, now))
            case Failure():
                self._insert("failures", outcome.failure_id, failure_row(outcome, now))
            case Correction():
                self._insert("labels", outcome.label_id, label_row(outcome))

    def query(self, sql: str, **parameters: Sequence[str]) -> Result:
        """Run GoogleSQL; unqualified names are of our dataset.

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
            with translated("running a query"):
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
                raise BadRequest(f"BigQuery refused the query: {_said(error.__cause__)}") from error
            raise

    def _insert(self, table: str, row_id: str, row: dict[str, Any]) -> None:
        name = f"{self._dataset}.{table}"
        with translated(f"appending {row_id} to {name}"), self._patience.call() as patiently:
            # insert_rows_json returns the rows that were refused, and raises only for the request as a whole.
            refused = self._client.insert_rows_json(name, [row], row_ids=[row_id], **patiently)
        if refused:
            kind = RowRefused if _reasons(refused) & LASTING else WarehouseUnavailable
            raise kind(f"{name} refused the row {row_id}: {refused}. Compare its schema with infra/bigquery/tables.")


def _reasons(refused: Sequence[dict[str, Any]]) -> set[str]:
    return {str(fault.get("reason")) for row in refused for fault in row.get("errors", ())}


def is_worth_another_try(error: BaseException) -> bool:
    """Tell whether appending again may help. A table that was just created can be missing for a while."""
    return isinstance(error, api.NotFound) or is_passing(error)


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn whatever the client raises into an error of ours; the only place that does.

    Raises:
        RowRefused: the request is not one that BigQuery ever takes (400, 413).
        WarehouseUnavailable: everything else that the client, its transport or its credentials raise.
    """
    try:
        yield
    except UNAVAILABLE as error:
        kind = RowRefused if getattr(error, "code", None) in (400, 413) else WarehouseUnavailable
        raise kind(f"While {what}: {type(error).__name__}: {said(error)}") from error


def _said(error: api.GoogleAPICallError) -> str:
    """Return what BigQuery said of a request, without the client's ``POST https://…:`` before it."""
    details = [str(one["message"]) for one in error.errors or () if isinstance(one, dict) and one.get("message")]
    return details[0] if details else said(error)
