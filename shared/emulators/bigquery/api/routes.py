"""The methods of BigQuery's API that are served: one table for the server and the discovery document."""

from __future__ import annotations

from dataclasses import dataclass

from shared.emulators.bigquery.api import api_datasets, api_jobs, api_rows, api_tables
from shared.emulators.bigquery.api.request import Handler


@dataclass(frozen=True, slots=True)
class Route:
    """One method of the API."""

    id: str
    """The method's id in Google's discovery document, without ``bigquery.``."""
    verb: str
    path: str
    handler: Handler
    query: tuple[str, ...] = ()
    """Parameters of the query string that a client may send."""


_PAGE = ("maxResults", "pageToken")
_FORMAT = ("formatOptions.useInt64Timestamp", "formatOptions.timestampOutputFormat")
_PROJECT = "projects/{projectId}"
_DATASETS = f"{_PROJECT}/datasets"
_DATASET = f"{_DATASETS}/{{datasetId}}"
_TABLES = f"{_DATASET}/tables"
_TABLE = f"{_TABLES}/{{tableId}}"
_JOBS = f"{_PROJECT}/jobs"
_JOB = f"{_JOBS}/{{jobId}}"

ROUTES = (
    Route("projects.list", "GET", "projects", api_datasets.list_projects, _PAGE),
    Route("datasets.list", "GET", _DATASETS, api_datasets.list_datasets, (*_PAGE, "all", "filter")),
    Route("datasets.get", "GET", _DATASET, api_datasets.get_dataset, ("datasetView", "accessPolicyVersion")),
    Route("datasets.insert", "POST", _DATASETS, api_datasets.insert_dataset, ("accessPolicyVersion",)),
    Route("datasets.patch", "PATCH", _DATASET, api_datasets.patch_dataset, ("updateMode", "accessPolicyVersion")),
    Route("datasets.update", "PUT", _DATASET, api_datasets.patch_dataset, ("updateMode", "accessPolicyVersion")),
    Route("datasets.delete", "DELETE", _DATASET, api_datasets.delete_dataset, ("deleteContents",)),
    Route("tables.list", "GET", _TABLES, api_tables.list_tables, _PAGE),
    Route("tables.get", "GET", _TABLE, api_tables.get_table, ("selectedFields", "view")),
    Route("tables.insert", "POST", _TABLES, api_tables.insert_table),
    Route("tables.patch", "PATCH", _TABLE, api_tables.patch_table, ("autodetect_schema",)),
    Route("tables.update", "PUT", _TABLE, api_tables.update_table, ("autodetect_schema",)),
    Route("tables.delete", "DELETE", _TABLE, api_tables.delete_table),
    Route("tabledata.insertAll", "POST", f"{_TABLE}/insertAll", api_rows.insert_all),
    Route(
        "tabledata.list",
        "GET",
        f"{_TABLE}/data",
        api_rows.list_rows,
        (*_PAGE, *_FORMAT, "startIndex", "selectedFields"),
    ),
    Route("jobs.insert", "POST", _JOBS, api_jobs.insert_job),
    Route("jobs.list", "GET", _JOBS, api_jobs.list_jobs, (*_PAGE, "allUsers", "projection", "stateFilter")),
    Route("jobs.get", "GET", _JOB, api_jobs.get_job, ("location",)),
    Route("jobs.cancel", "POST", f"{_JOB}/cancel", api_jobs.cancel_job, ("location",)),
    Route("jobs.delete", "DELETE", f"{_JOB}/delete", api_jobs.delete_job, ("location",)),
    Route("jobs.query", "POST", f"{_PROJECT}/queries", api_jobs.query),
    Route(
        "jobs.getQueryResults",
        "GET",
        f"{_PROJECT}/queries/{{jobId}}",
        api_jobs.get_query_results,
        (*_PAGE, *_FORMAT, "startIndex", "timeoutMs", "location"),
    ),
)
