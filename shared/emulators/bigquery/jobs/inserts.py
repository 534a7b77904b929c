"""tabledata.insertAll: check each row and pass the valid ones to the writer."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from shared.emulators.bigquery.engine.catalog import Table
from shared.emulators.bigquery.engine.store import Store
from shared.emulators.bigquery.engine.writer import Rows
from shared.emulators.bigquery.errors import ApiError, not_found
from shared.emulators.bigquery.rows.row_checks import RowReader, problem

MAX_ROWS = 50_000
"""Rows in one request; BigQuery's limit."""


def insert_rows(
    store: Store, table: Table, request: Mapping[str, Any]
) -> tuple[Future[None] | None, list[dict[str, Any]]]:
    """Check a request's rows and start to insert the valid ones.

    Args:
        store: the store of the table.
        table: the table.
        request: a TableDataInsertAllRequest.

    Returns:
        A future that is done when the rows are on disk (None without a row to insert), and ``insertErrors``.

    Raises:
        ApiError: invalid: the table is a view, or the request has no rows or too many.
    """
    rows = request.get("rows")
    if table.is_view:
        raise ApiError("invalid", f"Cannot add rows to {table.full_name}: it is a view")
    if not isinstance(rows, list) or not rows:
        raise ApiError("invalid", "No rows present in the request.")
    if len(rows) > MAX_ROWS:
        raise ApiError("invalid", f"too many rows present in the request, limit: {MAX_ROWS} row count: {len(rows)}")
    if request.get("templateSuffix"):
        raise ApiError("invalid", "templateSuffix is not supported by the local warehouse")
    reader = RowReader(table.fields, bool(request.get("ignoreUnknownValues")))
    good, errors = _check(rows, reader)
    if errors and not request.get("skipInvalidRows"):
        bad = {error["index"] for error in errors}
        stopped = [problem("", "", "stopped")]
        errors += [{"index": index, "errors": stopped} for index in range(len(rows)) if index not in bad]
        return None, sorted(errors, key=lambda error: int(error["index"]))
    if not good:
        return None, errors
    batch = Rows(table.sql_name, store.row_insert(table), good, lambda: _check_table(store, table))
    return store.writer.append(batch), errors


def _check(rows: list[Any], reader: RowReader) -> tuple[list[tuple[str | None, str]], list[dict[str, Any]]]:
    good: list[tuple[str | None, str]] = []
    errors: list[dict[str, Any]] = []
    for index, row in enumerate(rows):
        document, problems = reader.read(row.get("json") if isinstance(row, Mapping) else None)
        if problems:
            errors.append({"index": index, "errors": problems})
        else:
            insert_id = row.get("insertId")
            good.append((str(insert_id) if insert_id else None, document))
    return good, errors


def _check_table(store: Store, table: Table) -> None:
    """Refuse rows that were checked against an earlier schema of the table.

    Raises:
        ApiError: notFound or backendError.
    """
    now = store.catalog.find(table.dataset, table.name)
    if now is None:
        raise not_found("Table", table.full_name)
    if now is not table:
        raise ApiError("backendError", f"{table.full_name} changed while rows were being inserted; send them again")
