"""jobs.*: queries."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from shared.emulators.bigquery.api.request import MAX_PAGE, Call
from shared.emulators.bigquery.engine.catalog import RESULTS
from shared.emulators.bigquery.engine.job_registry import Job, Outcome
from shared.emulators.bigquery.errors import ApiError
from shared.emulators.bigquery.jobs.queries import Prepared, prepare, run_query
from shared.emulators.bigquery.jobs.resources import LOCATION, Document, job_reference, job_resource, job_summary
from shared.emulators.bigquery.rows.cells import row_writer, timestamp_format
from shared.emulators.bigquery.schema_fields import fields_as_json

_TIMEOUT_MS = 10_000
"""How long a caller waits for a query before it gets ``jobComplete: false``; as in BigQuery."""
_MAX_TIMEOUT_MS = 200_000
_QUICK_S = 0.05
"""How long jobs.insert waits for the job's end, which spares the caller of a short job another request."""
_REQUEST_FIELDS = (
    *("kind", "requestId", "dryRun", "labels", "location", "reservation", "maxSlots", "jobCreationMode"),
    *("timeoutMs", "jobTimeoutMs", "maxResults", "formatOptions", "queryResultsFormat", "arrowSerializationOptions"),
)
"""Fields of a jobs.query request that are not configuration of its query."""
_ONLY_IN_QUERY_ANSWER = ("statementType", "dmlStats")
"""Statistics of the statement that jobs.query returns and jobs.getQueryResults does not."""


async def insert_job(call: Call) -> Document:
    """Start a query job; an invalid statement is reported by this request, as in BigQuery."""
    configuration = dict(call.body.get("configuration") or {})
    job_id = (call.body.get("jobReference") or {}).get("jobId")
    if "query" not in configuration:
        for kind in ("copy", "extract", "load"):
            if kind in configuration:
                raise ApiError("notImplemented", f"Jobs of kind {kind!r} are not supported by the local warehouse")
        raise ApiError("invalid", "Required parameter is missing: configuration.query")
    job = await _begin_query(call, configuration["query"], job_id, bool(configuration.get("dryRun")), configuration)
    return await _answer(call, job)


async def get_job(call: Call) -> Document:
    """Return a job."""
    return job_resource(call.store.jobs.job(call.names["jobId"]), call.base)


async def list_jobs(call: Call) -> Document:
    """Return jobs, newest first."""
    states = call.query.get("stateFilter", "").upper()
    jobs = [job for job in call.store.jobs.newest_first() if not states or job.state in states]
    start, count, following = call.page(len(jobs))
    shown = [job_summary(job, call.base) for job in jobs[start : start + count]]
    answer: Document = {"kind": "bigquery#jobList", "etag": "0", "jobs": shown}
    return answer | ({"nextPageToken": following} if following else {})


async def cancel_job(call: Call) -> Document:
    """Interrupt a job if it still runs."""
    job = call.store.jobs.job(call.names["jobId"])
    if job.state != "DONE":
        job.cancel()
    return {"kind": "bigquery#jobCancelResponse", "job": job_resource(job, call.base)}


async def delete_job(call: Call) -> Document:
    """Forget a job and its result."""
    call.store.jobs.forget(call.names["jobId"])
    return {}


async def query(call: Call) -> Document:
    """Run a query and return its first rows if it ends in time (jobs.query)."""
    body = call.body
    request_id = str(body.get("requestId") or "")
    job = call.store.jobs.find_by_request(request_id)
    if job is None:
        settings = {name: value for name, value in body.items() if name not in _REQUEST_FIELDS}
        configuration = {"query": settings, "labels": body.get("labels") or {}}
        job = await _begin_query(call, settings, None, bool(body.get("dryRun")), configuration, request_id)
    await _wait(job, int(body.get("timeoutMs") or _TIMEOUT_MS))
    limit = body.get("maxResults")
    page = (0, min(int(limit), MAX_PAGE) if limit is not None else MAX_PAGE)
    options = body.get("formatOptions") or {}
    formats = timestamp_format(_is_true(options.get("useInt64Timestamp")), options.get("timestampOutputFormat"))
    answer = await _results(call, job, page, formats)
    shown = {name: job.outcome.statistics[name] for name in _ONLY_IN_QUERY_ANSWER if name in job.outcome.statistics}
    return {"kind": "bigquery#queryResponse", "location": LOCATION, **shown, **answer}


async def get_query_results(call: Call) -> Document:
    """Return a page of a query's result."""
    job = call.store.jobs.job(call.names["jobId"])
    await _wait(job, call.number("timeoutMs", _TIMEOUT_MS))
    formats = timestamp_format(
        call.flag("formatOptions.useInt64Timestamp"), call.query.get("formatOptions.timestampOutputFormat")
    )
    start, count, _ = call.page(0)
    answer = await _results(call, job, (start, count), formats)
    return {"kind": "bigquery#getQueryResultsResponse", "etag": "0", **answer}


async def _begin_query(
    call: Call,
    settings: Mapping[str, Any],
    job_id: str | None,
    is_dry: bool,
    configuration: Mapping[str, Any],
    request_id: str = "",
) -> Job:
    prepared = await call.in_thread(prepare, call.store, settings)
    kind = prepared.statement.kind
    shown = {**configuration, "jobType": "QUERY", "dryRun": is_dry}
    if is_dry:
        job = Job("", call.project, shown, outcome=Outcome(prepared.fields, statistics=prepared.statistics))
        job.done.set_result(None)
        return job
    work = run_query(call.store, prepared)
    job = call.store.jobs.start(job_id, shown, work, request_id)
    job.configuration = {**shown, "query": _shown_query(call, prepared, job, kind == "SELECT")}
    return job


def _shown_query(call: Call, prepared: Prepared, job: Job, is_select: bool) -> Document:
    query = {**prepared.configuration, "useLegacySql": False}
    if is_select:
        query["destinationTable"] = {"projectId": call.project, "datasetId": RESULTS, "tableId": job.id}
    return query


async def _answer(call: Call, job: Job) -> Document:
    await _wait(job, int(_QUICK_S * 1000))
    return job_resource(job, call.base)


async def _wait(job: Job, milliseconds: int) -> None:
    # Shielded: a caller that stops waiting must not cancel the future that other callers wait for.
    ended = asyncio.shield(asyncio.wrap_future(job.done))
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(ended, min(milliseconds, _MAX_TIMEOUT_MS) / 1000)


async def _results(call: Call, job: Job, page: tuple[int, int], formats: str) -> Document:
    answer: Document = {"jobReference": job_reference(job)}
    if job.state != "DONE":
        return answer | {"jobComplete": False}
    if job.error:
        raise job.error
    outcome = job.outcome
    answer |= {"jobComplete": True, "cacheHit": False, "totalBytesProcessed": "0"}
    if outcome.affected is not None:
        answer["numDmlAffectedRows"] = str(outcome.affected)
    if outcome.statistics.get("statementType") != "SELECT":
        return answer
    answer |= {"schema": fields_as_json(outcome.fields), "totalRows": str(outcome.total_rows)}
    if job.configuration.get("dryRun"):
        return {key: value for key, value in answer.items() if key != "jobReference"} | {"totalRows": "0"}
    if outcome.result is None:
        raise ApiError("notFound", f"Not found: the result of job {job.id} is no longer stored")
    start, count = page
    write = row_writer(outcome.fields, formats)
    rows = await call.in_thread(call.store.page, outcome.result, outcome.fields, start, count) if count else []
    answer["rows"] = [write(row) for row in rows]
    following = start + len(rows)
    return answer | ({"pageToken": str(following)} if following < outcome.total_rows else {})


def _is_true(value: Any) -> bool:
    return value is True or str(value).lower() == "true"
