"""tables.*: tables and views."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from shared.emulators.bigquery.api.request import Call
from shared.emulators.bigquery.engine.catalog import Table
from shared.emulators.bigquery.errors import ApiError
from shared.emulators.bigquery.jobs.resources import Document, table_resource, table_summary
from shared.emulators.bigquery.jobs.views import view_fields
from shared.emulators.bigquery.schema_fields import Field, fields_from_json, merged, selected

_NOTES = (
    *("description", "friendlyName", "labels", "expirationTime", "timePartitioning", "clustering"),
    *("rangePartitioning", "requirePartitionFilter", "defaultCollation", "resourceTags", "tableConstraints"),
)
_UNSUPPORTED = ("externalDataConfiguration", "materializedView", "snapshotDefinition", "cloneDefinition")


async def list_tables(call: Call) -> Document:
    """Return a page of a dataset's tables and views."""
    tables = call.store.catalog.tables(call.names["datasetId"])
    start, count, following = call.page(len(tables))
    shown = [table_summary(table) for table in tables[start : start + count]]
    page: Document = {"kind": "bigquery#tableList", "etag": "0", "totalItems": len(tables)}
    return page | ({"tables": shown} if shown else {}) | ({"nextPageToken": following} if following else {})


async def get_table(call: Call) -> Document:
    """Return a table or a view."""
    table = call.table()
    return await _shown(call, replace(table, fields=selected(table.fields, call.query.get("selectedFields"))))


async def insert_table(call: Call) -> Document:
    """Create a table or a view."""
    body = call.body
    name = str((body.get("tableReference") or {}).get("tableId", ""))
    for key in _UNSUPPORTED:
        if body.get(key):
            raise ApiError("invalid", f"{key} is not supported by the local warehouse")
    query = (body.get("view") or {}).get("query")
    fields = await _fields_of_new(call, query)
    new = Table(call.project, call.names["datasetId"], name, fields, query, _notes(body))
    return await _shown(call, await call.change(lambda transaction: call.store.catalog.create(transaction, new)))


async def patch_table(call: Call) -> Document:
    """Change a table; properties that the request leaves out stay."""
    table = _matching(call)
    notes = {**table.notes, **_notes(call.body)}
    return await _change(call, table, {key: value for key, value in notes.items() if value is not None})


async def update_table(call: Call) -> Document:
    """Change a table; properties that the request leaves out are removed, except the schema."""
    table = _matching(call)
    return await _change(call, table, {key: value for key, value in _notes(call.body).items() if value is not None})


async def delete_table(call: Call) -> Document:
    """Drop a table or a view."""
    table = _matching(call)
    await call.change(lambda transaction: call.store.catalog.drop(transaction, table))
    return {}


def _matching(call: Call) -> Table:
    """Return the table if its etag is the one that the caller read.

    Raises:
        ApiError: conditionNotMet, if it has changed.
    """
    table = call.own_table()
    if call.if_match not in (None, "*", table.etag):
        raise ApiError("conditionNotMet", f"Precondition Failed: {table.full_name} has changed since it was read")
    return table


async def _change(call: Call, table: Table, notes: Mapping[str, Any]) -> Document:
    query = (call.body.get("view") or {}).get("query", table.view_query)
    schema = call.body.get("schema")
    fields = table.fields
    if query is not None:
        fields = await call.in_thread(view_fields, call.store, query)
    elif schema is not None:
        fields = merged(table.fields, fields_from_json(schema.get("fields") or ()))
    new = replace(table, fields=fields, view_query=query, notes=notes)
    return await _shown(call, await call.change(lambda transaction: call.store.catalog.change(transaction, table, new)))


async def _fields_of_new(call: Call, query: str | None) -> tuple[Field, ...]:
    if query is None:
        return fields_from_json((call.body.get("schema") or {}).get("fields") or ())
    if call.body["view"].get("useLegacySql"):
        raise ApiError("invalid", "Views in legacy SQL are not supported by the local warehouse")
    return await call.in_thread(view_fields, call.store, query)


async def _shown(call: Call, table: Table) -> Document:
    rows = 0 if table.is_view else await call.in_thread(call.store.count, table)
    return table_resource(table, rows, call.base)


def _notes(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: body[key] for key in _NOTES if key in body}
