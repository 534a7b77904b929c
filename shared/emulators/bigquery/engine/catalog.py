"""The catalog of datasets, tables and views: stored in the warehouse's file with the rows, mirrored in memory."""

# ruff: noqa: S608  (names are quoted, values are parameters)
from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from shared.emulators.bigquery.engine.writer import Transaction
from shared.emulators.bigquery.errors import ApiError, not_found
from shared.emulators.bigquery.schema_fields import (
    Field,
    alterations,
    duck_type,
    fields_as_json,
    fields_from_json,
    quoted,
)

_KEPT = "_bucketlens"
"""The schema that holds the catalog; BigQuery also hides datasets whose names begin with an underscore."""
RESULTS = "_results"
"""The hidden dataset of query results, each under its job's id while it is stored."""
_RESERVED = ("information_schema", "pg_catalog", "main")
_NAME = re.compile(r"[A-Za-z0-9_]{1,1024}")
_TABLE_NAME = re.compile(r"[\w\- ]{1,1024}")


@dataclass(frozen=True, slots=True)
class Table:
    """A table or a view."""

    project: str
    dataset: str
    name: str
    fields: tuple[Field, ...]
    view_query: str | None = None
    """BigQuery SQL; None for a table."""
    notes: Mapping[str, Any] = field(default_factory=dict)
    """Metadata that is only stored and returned, as in BigQuery's Table: description, labels, timePartitioning, …"""
    created_ms: int = 0
    modified_ms: int = 0

    @property
    def is_view(self) -> bool:
        """Whether it is a view."""
        return self.view_query is not None

    @property
    def is_result(self) -> bool:
        """Whether it holds the result of a query, which cannot be changed."""
        return self.dataset == RESULTS

    @property
    def sql_parts(self) -> tuple[str, str, str]:
        """The names of catalog, schema and table in DuckDB."""
        return ("memory", "main", self.name) if self.is_result else (self.project, self.dataset, self.name)

    @property
    def full_name(self) -> str:
        """``project:dataset.table``."""
        return f"{self.project}:{self.dataset}.{self.name}"

    @property
    def sql_name(self) -> str:
        """The name in DuckDB, quoted."""
        return ".".join(quoted(part) for part in self.sql_parts)

    @property
    def etag(self) -> str:
        """A value that changes with the schema, the description and all other metadata, not with the rows."""
        return hashlib.sha256(json.dumps(self.as_json(), sort_keys=True).encode()).hexdigest()[:22]

    def as_json(self) -> dict[str, Any]:
        """Return the table's document in the catalog."""
        return {
            "schema": fields_as_json(self.fields),
            "view": self.view_query,
            "notes": dict(self.notes),
            "created_ms": self.created_ms,
            "modified_ms": self.modified_ms,
        }


class Catalog:
    """The datasets, tables and views: any thread may read, a ``Transaction`` is for the writer's thread only."""

    def __init__(self, project: str) -> None:
        self.project = project
        self._kept = f"{quoted(project)}.{quoted(_KEPT)}.resources"
        self._datasets: dict[str, dict[str, Any]] = {}
        self._tables: dict[str, dict[str, Table]] = {}
        self.result_of: Callable[[str], tuple[Field, ...]] = _no_result
        """Function that returns the columns of a query's result by its job's id; it raises ApiError."""

    def load(self, transaction: Transaction) -> None:
        """Read the catalog from the file; create its table in a new file."""
        transaction.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(self.project)}.{quoted(_KEPT)}")
        columns = "dataset VARCHAR NOT NULL, name VARCHAR NOT NULL, document VARCHAR NOT NULL"
        transaction.execute(f"CREATE TABLE IF NOT EXISTS {self._kept} ({columns})")
        for dataset, name, document in transaction.execute(f"SELECT * FROM {self._kept} ORDER BY ALL").fetchall():
            parsed = json.loads(document)
            if name:
                self._tables.setdefault(dataset, {})[name] = self._table_from(dataset, name, parsed)
            else:
                self._datasets[dataset] = parsed
                self._tables.setdefault(dataset, {})

    def datasets(self) -> list[str]:
        """Return the datasets' names, sorted."""
        return sorted(self._datasets)

    def has_dataset(self, dataset: str) -> bool:
        """Return whether the dataset exists."""
        return dataset in self._datasets

    def dataset(self, dataset: str) -> dict[str, Any]:
        """Return the stored properties of a dataset.

        Raises:
            ApiError: notFound.
        """
        if dataset not in self._datasets:
            raise not_found("Dataset", f"{self.project}:{dataset}")
        return self._datasets[dataset]

    def tables(self, dataset: str) -> list[Table]:
        """Return a dataset's tables and views, by name.

        Raises:
            ApiError: notFound.
        """
        self.dataset(dataset)
        return [table for _, table in sorted(self._tables[dataset].items())]

    def find(self, dataset: str, name: str) -> Table | None:
        """Return a table or view, or None if it does not exist."""
        return self._tables.get(dataset, {}).get(name)

    def table(self, dataset: str, name: str) -> Table:
        """Return a table or view.

        Raises:
            ApiError: notFound, naming the missing dataset or table.
        """
        if dataset == RESULTS:
            return Table(self.project, RESULTS, name, self.result_of(name))
        self.dataset(dataset)
        table = self.find(dataset, name)
        if table is None:
            raise not_found("Table", f"{self.project}:{dataset}.{name}")
        return table

    def put_dataset(self, transaction: Transaction, dataset: str, document: Mapping[str, Any]) -> None:
        """Create a dataset, or replace its stored properties.

        Raises:
            ApiError: invalid: the name is malformed or reserved.
        """
        if not _NAME.fullmatch(dataset) or dataset.startswith("_") or dataset.lower() in _RESERVED:
            raise ApiError("invalid", f'Invalid dataset ID "{dataset}": expected letters, digits, _; not reserved')
        transaction.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(self.project)}.{quoted(dataset)}")
        now = str(_now_ms())
        kept = {"creationTime": now, **document, "lastModifiedTime": now}
        self._keep(transaction, dataset, "", kept)
        transaction.then(lambda: self._datasets.__setitem__(dataset, kept))
        transaction.then(lambda: self._tables.setdefault(dataset, {}))

    def drop_dataset(self, transaction: Transaction, dataset: str, with_contents: bool) -> None:
        """Drop a dataset.

        Raises:
            ApiError: notFound; resourceInUse if it holds tables and ``with_contents`` is false.
        """
        if self.tables(dataset) and not with_contents:
            raise ApiError("resourceInUse", f"Dataset {self.project}:{dataset} is still in use")
        transaction.execute(f"DROP SCHEMA {quoted(self.project)}.{quoted(dataset)} CASCADE")
        transaction.execute(f"DELETE FROM {self._kept} WHERE dataset = ?", [dataset])
        transaction.then(lambda: self._datasets.pop(dataset, None))
        transaction.then(lambda: self._tables.pop(dataset, None))

    def create(self, transaction: Transaction, table: Table, replacing: Table | None = None) -> Table:
        """Create a table or a view, in place of ``replacing`` if given, and return it with its times.

        Raises:
            ApiError: duplicate; notFound for its dataset; invalid for its name or for a table without columns.
        """
        self.dataset(table.dataset)
        if not _TABLE_NAME.fullmatch(table.name):
            raise ApiError("invalid", f'Invalid table ID "{table.name}".')
        if replacing:
            self.drop(transaction, replacing)
        # BigQuery's names may differ only in case, DuckDB's must not.
        taken = {name.lower() for name in self._tables[table.dataset]} - {replacing.name.lower() if replacing else ""}
        if table.name.lower() in taken:
            raise ApiError("duplicate", f"Already Exists: Table {table.full_name}")
        if not table.is_view:
            if not table.fields:
                raise ApiError(
                    "invalid", f"Table {table.full_name} needs a schema: the local warehouse has no tables without one"
                )
            columns = ", ".join(_column(column) for column in table.fields)
            transaction.execute(f"CREATE TABLE {table.sql_name} ({columns})")
        return self._put(transaction, replace(table, created_ms=_now_ms()))

    def change(self, transaction: Transaction, old: Table, new: Table) -> Table:
        """Replace a table's document and alter its columns; ``schema_fields.merged`` has checked the new schema."""
        if not new.is_view:
            for step in alterations(old.fields, new.fields):
                transaction.execute(f"ALTER TABLE {new.sql_name} {step}")
        return self._put(transaction, new)

    def drop(self, transaction: Transaction, table: Table) -> None:
        """Drop a table or a view."""
        if not table.is_view:
            transaction.execute(f"DROP TABLE {table.sql_name}")
        transaction.execute(f"DELETE FROM {self._kept} WHERE dataset = ? AND name = ?", [table.dataset, table.name])
        transaction.then(lambda: self._tables[table.dataset].pop(table.name, None))

    def _put(self, transaction: Transaction, table: Table) -> Table:
        table = replace(table, modified_ms=max(_now_ms(), table.modified_ms + 1))
        self._keep(transaction, table.dataset, table.name, table.as_json())
        transaction.then(lambda: self._tables[table.dataset].__setitem__(table.name, table))
        return table

    def _keep(self, transaction: Transaction, dataset: str, name: str, document: Mapping[str, Any]) -> None:
        transaction.execute(f"DELETE FROM {self._kept} WHERE dataset = ? AND name = ?", [dataset, name])
        transaction.execute(f"INSERT INTO {self._kept} VALUES (?, ?, ?)", [dataset, name, json.dumps(document)])

    def _table_from(self, dataset: str, name: str, document: Mapping[str, Any]) -> Table:
        return Table(
            project=self.project,
            dataset=dataset,
            name=name,
            fields=fields_from_json(document["schema"]["fields"], any_name=document["view"] is not None),
            view_query=document["view"],
            notes=document["notes"],
            created_ms=document["created_ms"],
            modified_ms=document["modified_ms"],
        )


def _no_result(job_id: str) -> tuple[Field, ...]:
    raise not_found("Table", f"{RESULTS}.{job_id}")


def _column(column: Field) -> str:
    rule = " NOT NULL" if column.is_required else " DEFAULT []" if column.is_repeated else ""
    return f"{quoted(column.name)} {duck_type(column)}{rule}"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
