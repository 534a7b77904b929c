"""Resources of BigQuery's API: datasets, tables and jobs as JSON.

https://cloud.google.com/bigquery/docs/reference/rest
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from shared.emulators.bigquery.engine.catalog import Table
from shared.emulators.bigquery.engine.job_registry import Job
from shared.emulators.bigquery.schema_fields import fields_as_json

LOCATION = "US"
USER = "local@localhost"
Document = dict[str, Any]


def dataset_resource(project: str, name: str, properties: Mapping[str, Any], base: str) -> Document:
    """Return a Dataset."""
    etag = hashlib.sha256(json.dumps(dict(properties), sort_keys=True).encode()).hexdigest()[:22]
    return {
        "kind": "bigquery#dataset",
        "access": [],
        "location": LOCATION,
        "type": "DEFAULT",
        **properties,
        "etag": etag,
        "id": f"{project}:{name}",
        "selfLink": f"{base}/projects/{project}/datasets/{name}",
        "datasetReference": {"projectId": project, "datasetId": name},
    }


def table_reference(table: Table) -> dict[str, str]:
    """Return a TableReference."""
    return {"projectId": table.project, "datasetId": table.dataset, "tableId": table.name}


def table_summary(table: Table) -> Document:
    """Return a table as tables.list shows it."""
    shown = {key: table.notes[key] for key in ("labels", "timePartitioning", "clustering") if key in table.notes}
    document: Document = {
        "kind": "bigquery#table",
        "id": table.full_name,
        "tableReference": table_reference(table),
        "type": "VIEW" if table.is_view else "TABLE",
        "creationTime": str(table.created_ms),
        **shown,
    }
    if table.is_view:
        document["view"] = {"useLegacySql": False}
    return document


def table_resource(table: Table, rows: int, base: str) -> Document:
    """Return a Table; ``rows`` is its number of rows."""
    path = f"{base}/projects/{table.project}/datasets/{table.dataset}/tables/{table.name}"
    document: Document = {
        **table.notes,
        "kind": "bigquery#table",
        "etag": table.etag,
        "id": table.full_name,
        "selfLink": path,
        "tableReference": table_reference(table),
        "schema": fields_as_json(table.fields),
        "type": "VIEW" if table.is_view else "TABLE",
        "creationTime": str(table.created_ms),
        "lastModifiedTime": str(table.modified_ms),
        "location": LOCATION,
        "numRows": str(rows),
        "numBytes": "0",
        "numLongTermBytes": "0",
    }
    if table.view_query is not None:
        document["view"] = {"query": table.view_query, "useLegacySql": False}
    return document


def job_reference(job: Job) -> dict[str, str]:
    """Return a JobReference."""
    return {"projectId": job.project, "jobId": job.id, "location": LOCATION}


def job_resource(job: Job, base: str) -> Document:
    """Return a Job."""
    status: Document = {"state": job.state}
    if job.state == "DONE" and job.error:
        status |= {"errorResult": job.error.proto, "errors": [job.error.proto]}
    times = {"creationTime": job.created_ms, "startTime": job.started_ms, "endTime": job.ended_ms}
    statistics: Document = {key: str(value) for key, value in times.items() if value}
    statistics["totalBytesProcessed"] = "0"
    unbilled = {"totalBytesProcessed": "0", "totalBytesBilled": "0", "cacheHit": False}
    statistics["query"] = {**job.outcome.statistics, **unbilled}
    return {
        "kind": "bigquery#job",
        "etag": f"{job.state}-{job.ended_ms}",
        "id": f"{job.project}:{LOCATION}.{job.id}",
        "selfLink": f"{base}/projects/{job.project}/jobs/{job.id}",
        "jobReference": job_reference(job),
        "configuration": dict(job.configuration),
        "status": status,
        "statistics": statistics,
        "user_email": USER,
    }


def job_summary(job: Job, base: str) -> Document:
    """Return a job as jobs.list shows it."""
    document = {key: value for key, value in job_resource(job, base).items() if key not in ("etag", "selfLink")}
    return document | {"state": job.state, **({"errorResult": job.error.proto} if job.error else {})}
