"""tabledata.*: insert rows, and read rows without a query."""

from __future__ import annotations

from shared.emulators.bigquery.api.request import Call, finished
from shared.emulators.bigquery.errors import ApiError
from shared.emulators.bigquery.jobs.inserts import insert_rows
from shared.emulators.bigquery.jobs.resources import Document
from shared.emulators.bigquery.rows.cells import row_writer, timestamp_format
from shared.emulators.bigquery.schema_fields import Field, selected

_FEW = 50
"""The most rows that are checked in the server's own thread."""


async def insert_all(call: Call) -> Document:
    """Insert rows; answer when they are on disk."""
    table = call.own_table()
    if len(call.body.get("rows") or ()) > _FEW:
        future, errors = await call.in_thread(insert_rows, call.store, table, call.body)
    else:
        future, errors = insert_rows(call.store, table, call.body)
    if future is not None:
        await finished(future)
    answer: Document = {"kind": "bigquery#tableDataInsertAllResponse"}
    return answer | ({"insertErrors": errors} if errors else {})


async def list_rows(call: Call) -> Document:
    """Return a page of a table, or of a query's result under its job's id."""
    source, fields, total = await _source(call)
    columns = selected(fields, call.query.get("selectedFields"))
    formats = timestamp_format(
        call.flag("formatOptions.useInt64Timestamp"), call.query.get("formatOptions.timestampOutputFormat")
    )
    write = row_writer(columns, formats)
    start, count, following = call.page(total)
    rows = await call.in_thread(call.store.page, source, columns, start, count) if count else []
    answer: Document = {"kind": "bigquery#tableDataList", "etag": "0", "totalRows": str(total)}
    return answer | {"rows": [write(row) for row in rows]} | ({"pageToken": following} if following else {})


async def _source(call: Call) -> tuple[str, tuple[Field, ...], int]:
    table = call.table()
    if table.is_view:
        raise ApiError("invalid", f"Cannot list a table of type VIEW: {table.full_name}. Query it instead.")
    return table.sql_name, table.fields, await call.in_thread(call.store.count, table)
