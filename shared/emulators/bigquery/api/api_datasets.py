"""projects.list and datasets.*: the emulator's only project, and its datasets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.emulators.bigquery.api.request import Call
from shared.emulators.bigquery.errors import ApiError
from shared.emulators.bigquery.jobs.resources import Document, dataset_resource

_PROPERTIES = ("description", "friendlyName", "labels", "defaultTableExpirationMs")


async def list_projects(call: Call) -> Document:
    """Return the emulator's only project."""
    project = call.store.catalog.project
    summary = {"kind": "bigquery#project", "id": project, "numericId": "0", "friendlyName": project}
    reference = {"projectReference": {"projectId": project}}
    return {"kind": "bigquery#projectList", "etag": "0", "projects": [{**summary, **reference}], "totalItems": 1}


async def list_datasets(call: Call) -> Document:
    """Return the datasets."""
    project, catalog = call.project, call.store.catalog
    datasets = [
        {
            "kind": "bigquery#dataset",
            "id": f"{project}:{name}",
            "datasetReference": {"projectId": project, "datasetId": name},
            "location": "US",
            **({"labels": labels} if (labels := catalog.dataset(name).get("labels")) else {}),
        }
        for name in catalog.datasets()
    ]
    return {"kind": "bigquery#datasetList", "etag": "0", **({"datasets": datasets} if datasets else {})}


async def get_dataset(call: Call) -> Document:
    """Return a dataset."""
    project, name = call.project, call.names["datasetId"]
    return dataset_resource(project, name, call.store.catalog.dataset(name), call.base)


async def insert_dataset(call: Call) -> Document:
    """Create a dataset."""
    name = str((call.body.get("datasetReference") or {}).get("datasetId", ""))
    if call.store.catalog.has_dataset(name):
        raise ApiError("duplicate", f"Already Exists: Dataset {call.project}:{name}")
    return await _put(call, name, _properties(call.body))


async def patch_dataset(call: Call) -> Document:
    """Change a dataset's properties; those that the request leaves out stay."""
    name = call.names["datasetId"]
    properties = {**call.store.catalog.dataset(name), **_properties(call.body)}
    return await _put(call, name, {key: value for key, value in properties.items() if value is not None})


async def delete_dataset(call: Call) -> Document:
    """Drop a dataset; with its tables if ``deleteContents`` is true."""
    name, with_contents = call.names["datasetId"], call.flag("deleteContents")
    await call.change(lambda transaction: call.store.catalog.drop_dataset(transaction, name, with_contents))
    return {}


async def _put(call: Call, name: str, properties: Mapping[str, Any]) -> Document:
    project = call.project
    await call.change(lambda transaction: call.store.catalog.put_dataset(transaction, name, properties))
    return dataset_resource(project, name, call.store.catalog.dataset(name), call.base)


def _properties(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: body[key] for key in _PROPERTIES if key in body}
