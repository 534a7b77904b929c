"""Faults of the BigQuery emulator: errors in BigQuery's form, and faults that only a warehouse has.

Pairs of status and reason: https://cloud.google.com/bigquery/docs/error-messages
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from shared.emulators.bigquery.api.json_body import body_of, replace_body
from shared.emulators.bigquery.errors import ApiError
from shared.emulators.bigquery.rows.row_checks import problem
from shared.emulators.faults.fault import Fault
from shared.emulators.faults.injector import Handler, Service
from shared.emulators.faults.record import row_ids_of

INSERT_ALL = "/insertAll"
INJECTED = "This failure was injected by a fault that is set on the local warehouse."

# HTTP status → reason and google.rpc code. BigQuery sends rate limits as 403, the front end before it as 429.
_REASONS = {
    400: ("invalid", "INVALID_ARGUMENT"),
    401: ("authError", "UNAUTHENTICATED"),
    403: ("rateLimitExceeded", "PERMISSION_DENIED"),
    404: ("notFound", "NOT_FOUND"),
    409: ("duplicate", "ALREADY_EXISTS"),
    412: ("conditionNotMet", "FAILED_PRECONDITION"),
    429: ("rateLimitExceeded", "RESOURCE_EXHAUSTED"),
    500: ("internalError", "INTERNAL"),
    503: ("backendError", "UNAVAILABLE"),
    504: ("backendError", "DEADLINE_EXCEEDED"),
}


def error_answer(status: int, message: str, reason: str | None = None) -> web.Response:
    """Return an error as BigQuery writes it; 502 comes from the front end before it and is an HTML page."""
    if status == 502:
        return web.Response(
            status=502, text=f"<html><title>Error 502</title>{message}</html>", content_type="text/html"
        )
    usual, code = _REASONS.get(status, ("internalError", "UNKNOWN"))
    detail = {"message": message, "domain": "global", "reason": reason or usual}
    error = {"code": status, "message": message, "errors": [detail], "status": code}
    return web.json_response({"error": error}, status=status)


async def answer_missing(request: web.Request, handler: Handler, fault: Fault) -> web.StreamResponse:
    """``missing``: answer that the table does not exist, as BigQuery does for a while after its creation."""
    if fault.after:
        await handler(request)
    names = request.match_info
    table = f"{names.get('projectId')}:{names.get('datasetId')}.{names.get('tableId')}"
    return error_answer(404, f"Table {table} not found.")


async def answer_partial(request: web.Request, handler: Handler, fault: Fault) -> web.StreamResponse:
    """``partial``: refuse some rows of an insertAll.

    The other rows are inserted with ``skipInvalidRows``, else ``stopped``. With ``after``, all rows are inserted.
    """
    if not request.path.endswith(INSERT_ALL):
        return await handler(request)
    body = await body_of(request)
    count = len(body.get("rows") or ())
    refused = [row for row in fault.rows if row < count]
    kept = [row for row in range(count) if row not in refused]
    if fault.after:
        await handler(request)
    elif not body.get("skipInvalidRows"):
        return _inserted([*_refused(refused, fault), *_stopped(kept)])
    elif kept:
        replace_body(request, {**body, "rows": [body["rows"][row] for row in kept]})
        answer = await handler(request)
        if answer.status != 200:
            return answer
        return _inserted([*_refused(refused, fault), *_renumbered(answer, kept)])
    return _inserted(_refused(refused, fault))


async def insert_forgetfully(request: web.Request, handler: Handler, _fault: Fault) -> web.StreamResponse:
    """``forget``: insert rows as if their insertIds were not remembered; BigQuery remembers them only best effort."""
    if request.path.endswith(INSERT_ALL):
        body = await body_of(request)
        rows = [{"json": row.get("json")} if isinstance(row, dict) else row for row in body.get("rows") or ()]
        replace_body(request, {**body, "rows": rows})
    return await handler(request)


async def _row_ids(request: web.Request) -> tuple[str | None, ...]:
    if not request.path.endswith(INSERT_ALL):
        return ()
    try:
        return row_ids_of((await body_of(request)).get("rows"))
    except ApiError:
        return ()


def _inserted(errors: list[Mapping[str, Any]]) -> web.Response:
    ordered = sorted(errors, key=lambda error: int(error["index"]))
    return web.json_response({"kind": "bigquery#tableDataInsertAllResponse", "insertErrors": ordered})


def _refused(rows: list[int], fault: Fault) -> list[Mapping[str, Any]]:
    return [{"index": row, "errors": [problem("", INJECTED, fault.reason or "invalid")]} for row in rows]


def _stopped(rows: list[int]) -> list[Mapping[str, Any]]:
    return [{"index": row, "errors": [problem("", "", "stopped")]} for row in rows]


def _renumbered(answer: web.StreamResponse, kept: list[int]) -> list[Mapping[str, Any]]:
    """Return the errors of an answer with the rows' indexes in the original request."""
    text = answer.text if isinstance(answer, web.Response) else None
    return [{**error, "index": kept[error["index"]]} for error in json.loads(text or "{}").get("insertErrors", [])]


WAREHOUSE = Service(
    "warehouse",
    error_answer,
    {"missing": answer_missing, "partial": answer_partial, "forget": insert_forgetfully},
    row_ids=_row_ids,
    never_struck=("/status",),
)
