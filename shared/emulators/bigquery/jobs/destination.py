"""The table that a query job or a load job writes to: made, emptied or added to, as the job says."""

# ruff: noqa: S608  (names are quoted, values are parameters)
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from shared.emulators.bigquery.engine.catalog import Catalog, Table
from shared.emulators.bigquery.engine.writer import Transaction
from shared.emulators.bigquery.errors import Refusal, not_found
from shared.emulators.bigquery.schema_fields import Field, merged

_NOTES = ("timePartitioning", "clustering")


def open_destination(
    transaction: Transaction,
    catalog: Catalog,
    configuration: Mapping[str, Any],
    fields: Sequence[Field] | None,
    default_disposition: str,
) -> Table:
    """Return the table that a job's rows go to, ready for them.

    Args:
        transaction: the writer's.
        catalog: where the table is, or will be.
        configuration: of the job's kind: destinationTable, writeDisposition, createDisposition, …
        fields: the columns of what will be written; None where the table's own are to be used.
        default_disposition: WRITE_EMPTY for queries, WRITE_APPEND for loads.

    Raises:
        Refusal: notFound, duplicate for WRITE_EMPTY on a table with rows, invalid where columns do not fit.
    """
    reference = configuration.get("destinationTable") or {}
    dataset, name = str(reference.get("datasetId")), str(reference.get("tableId"))
    catalog.dataset(dataset)
    table = catalog.find(dataset, name)
    notes = {key: configuration[key] for key in _NOTES if configuration.get(key)}
    if table is None:
        if configuration.get("createDisposition") == "CREATE_NEVER":
            raise not_found("Table", f"{catalog.project}:{dataset}.{name}")
        if not fields:
            raise Refusal("invalid", f"No schema specified on job or table {catalog.project}:{dataset}.{name}")
        notes |= configuration.get("destinationTableProperties") or {}
        return catalog.create(transaction, Table(catalog.project, dataset, name, tuple(fields), None, notes))
    if table.is_view:
        raise Refusal("invalid", f"{table.full_name} is a view, which cannot be written to")
    return _existing(transaction, catalog, table, configuration, fields, default_disposition)


def _existing(
    transaction: Transaction,
    catalog: Catalog,
    table: Table,
    configuration: Mapping[str, Any],
    fields: Sequence[Field] | None,
    default_disposition: str,
) -> Table:
    disposition = configuration.get("writeDisposition") or default_disposition
    if disposition == "WRITE_TRUNCATE":
        if fields and tuple(fields) != table.fields:
            return catalog.create(transaction, replace(table, fields=tuple(fields)), replacing=table)
        transaction.execute(f"DELETE FROM {table.sql_name}")
        return table
    if disposition == "WRITE_EMPTY":
        if transaction.execute(f"SELECT 1 FROM {table.sql_name} LIMIT 1").fetchone():
            raise Refusal("duplicate", f"Already Exists: Table {table.full_name}")
    elif disposition != "WRITE_APPEND":
        raise Refusal(
            "invalid", f"writeDisposition is {disposition}, expected WRITE_TRUNCATE, WRITE_APPEND or WRITE_EMPTY"
        )
    if not fields:
        return table
    return _fitting(transaction, catalog, table, configuration, fields)


def _fitting(
    transaction: Transaction,
    catalog: Catalog,
    table: Table,
    configuration: Mapping[str, Any],
    fields: Sequence[Field],
) -> Table:
    """Check columns against those of a table that has rows, and add what the job allows to be added."""
    old = {one.name.lower(): one for one in table.fields}
    added = [one for one in fields if one.name.lower() not in old]
    for one in fields:
        known = old.get(one.name.lower())
        if known and (known.type, known.is_repeated) != (one.type, one.is_repeated):
            raise Refusal(
                "invalid",
                f"Provided Schema does not match Table {table.full_name}. Field {one.name} has changed type from "
                f"{known.type} to {one.type}",
            )
    if not added:
        return table
    if "ALLOW_FIELD_ADDITION" not in (configuration.get("schemaUpdateOptions") or ()):
        raise Refusal(
            "invalid",
            f"Provided Schema does not match Table {table.full_name}. Cannot add fields (field: {added[0].name})",
        )
    nullable = [one if one.is_repeated else replace(one, mode="NULLABLE") for one in added]
    new = replace(table, fields=merged(table.fields, (*table.fields, *nullable)))
    return catalog.change(transaction, table, new)
