"""Create the dataset that infra/bigquery describes: tables from JSON files, views from SQL files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from shared.emulators.bigquery.engine.catalog import Table
from shared.emulators.bigquery.engine.store import Store
from shared.emulators.bigquery.errors import ApiError
from shared.emulators.bigquery.jobs.views import view_fields
from shared.emulators.bigquery.schema_fields import fields_from_json, merged
from shared.emulators.errors import StartError

# By table: the column of its partitions and those of its clusters, as in Terraform.
_LAYOUT: dict[str, tuple[str, list[str]]] = {
    "predictions": ("uploaded_on", ["label"]),
    "failures": ("uploaded_on", ["reason"]),
    "labels": ("labelled_on", []),
    "model_events": ("happened_on", []),
}


def apply_schemas(store: Store, folder: Path, dataset: str) -> None:
    """Create a dataset's missing tables and views, and add the new columns of its schema files.

    It is idempotent, and rows stay.

    Args:
        store: the store of the dataset.
        folder: holds ``tables/*.json`` and ``views/*.sql``, in which ``${dataset}`` stands for project.dataset.
        dataset: the dataset's name.

    Raises:
        StartError: naming every file that is not readable, is invalid, or has a change that would lose rows.
    """
    faults: list[str] = []
    for path in sorted((folder / "tables").glob("*.json")):
        try:
            _apply_table(store, dataset, path)
        except (ApiError, ValueError, OSError, KeyError) as error:
            faults.append(f"{path.name}: {error}")
    if not list(folder.glob("tables/*.json")):
        faults.append(f"{folder} holds no tables/*.json")
    if not faults:
        faults += _apply_views(store, dataset, folder / "views")
    if faults:
        advice = "move the --data folder away to start with an empty warehouse, or fix the file"
        raise StartError("the warehouse's schema", [*faults, advice])


def create_dataset(store: Store, dataset: str) -> None:
    """Create a dataset if it is missing.

    Raises:
        StartError: the name is not a dataset's name.
    """
    if store.catalog.has_dataset(dataset):
        return
    try:
        store.writer.submit(lambda transaction: store.catalog.put_dataset(transaction, dataset, {})).result()
    except ApiError as error:
        raise StartError("the warehouse", [str(error)]) from error


def _apply_table(store: Store, dataset: str, path: Path) -> None:
    fields = fields_from_json(json.loads(path.read_text("utf-8")))
    name, catalog = path.stem, store.catalog
    old = catalog.find(dataset, name)
    if old is None:
        new = Table(catalog.project, dataset, name, fields, None, _notes(name))
        store.writer.submit(lambda transaction: catalog.create(transaction, new)).result()
        return
    changed = replace(old, fields=merged(old.fields, fields), notes={**old.notes, **_notes(name)})
    if (changed.fields, changed.notes) != (old.fields, old.notes):
        store.writer.submit(lambda transaction: catalog.change(transaction, old, changed)).result()


def _notes(name: str) -> dict[str, Any]:
    if name not in _LAYOUT:
        return {}
    partition, clusters = _LAYOUT[name]
    notes: dict[str, Any] = {"timePartitioning": {"type": "DAY", "field": partition}}
    return notes | ({"clustering": {"fields": clusters}} if clusters else {})


def _apply_views(store: Store, dataset: str, folder: Path) -> list[str]:
    """Create or replace views and return the faults; a view that reads other views is created after them."""
    waiting = {path.stem: path.read_text("utf-8") for path in sorted(folder.glob("*.sql"))}
    faults: dict[str, str] = {}
    while waiting:
        before = len(waiting)
        for name, text in list(waiting.items()):
            query = text.replace("${dataset}", f"{store.catalog.project}.{dataset}")
            try:
                _apply_view(store, dataset, name, query)
            except ApiError as error:
                faults[name] = f"{name}.sql: {error}"
            else:
                del waiting[name]
        if len(waiting) == before:
            return [faults[name] for name in waiting]
    return []


def _apply_view(store: Store, dataset: str, name: str, query: str) -> None:
    catalog = store.catalog
    old = catalog.find(dataset, name)
    fields = view_fields(store, query)
    new = Table(catalog.project, dataset, name, fields, query)
    if old is None:
        store.writer.submit(lambda transaction: catalog.create(transaction, new)).result()
    elif not old.is_view:
        raise ApiError("invalid", f"{old.full_name} is a table, but the schema has a view with this name")
    elif (old.view_query, old.fields) != (query, fields):
        changed = replace(old, fields=fields, view_query=query)
        store.writer.submit(lambda transaction: catalog.change(transaction, old, changed)).result()
