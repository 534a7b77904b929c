"""Query jobs: a statement is checked when it arrives and runs in its own thread.

A query's rows go to a table in memory, from which pages are read, so a slow reader blocks nothing.
"""

# ruff: noqa: S608  (names are quoted, values are parameters)
from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from shared.emulators.bigquery.engine.catalog import RESULTS
from shared.emulators.bigquery.engine.job_registry import Job, Outcome
from shared.emulators.bigquery.engine.store import Store
from shared.emulators.bigquery.engine.writer import Transaction
from shared.emulators.bigquery.errors import ApiError, from_duckdb
from shared.emulators.bigquery.schema_fields import Field, duck_type, fields_as_json, fields_of_result, quoted
from shared.emulators.bigquery.sql.translate import Statement, translate


@dataclass(frozen=True, slots=True)
class Prepared:
    """A valid statement: it parses, its tables and columns exist, its types fit."""

    statement: Statement
    fields: tuple[Field, ...]
    """The columns of the result; none for DELETE."""
    configuration: Mapping[str, Any]
    """``configuration.query`` of the job."""

    @property
    def statistics(self) -> dict[str, Any]:
        """The facts of a query before it runs: ``statistics.query`` of a dry run."""
        tables = [
            {"projectId": table.project, "datasetId": table.dataset, "tableId": table.name}
            for table in self.statement.tables
        ]
        facts = {"statementType": self.statement.kind, "totalBytesProcessed": "0", "referencedTables": tables}
        is_query = self.statement.kind == "SELECT"
        return facts | ({"schema": fields_as_json(self.fields)} if is_query else {})


def prepare(store: Store, configuration: Mapping[str, Any]) -> Prepared:
    """Check a statement without running it.

    Raises:
        ApiError: invalidQuery, notFound or notImplemented, with the fault.
    """
    text = str(configuration.get("query") or "")
    if configuration.get("useLegacySql", True) and re.match(r"\s*#standardsql", text, re.IGNORECASE) is None:
        raise ApiError(
            "invalidQuery",
            "Legacy SQL is not supported by the local warehouse: set useLegacySql to false (bq: --nouse_legacy_sql)",
            "query",
        )
    # A client that sends a job again names the table of its result, which the first answer contained.
    if (configuration.get("destinationTable") or {}).get("datasetId", RESULTS) != RESULTS:
        raise ApiError("notImplemented", "A destination table for a query is not supported by the local warehouse")
    default = (configuration.get("defaultDataset") or {}).get("datasetId")
    statement = translate(text, store.catalog, default, configuration.get("queryParameters") or ())
    with store.engine.reader() as cursor:
        fields = fields_of_relation(cursor, statement)
    return Prepared(statement, fields, configuration)


def fields_of_relation(cursor: Any, statement: Statement) -> tuple[Field, ...]:
    """Let DuckDB bind a statement's names and types, and return the columns of its query, if any.

    Raises:
        ApiError: invalidQuery: a name is unknown or a type does not fit.
    """
    try:
        if statement.kind == "SELECT":
            return fields_of_result(cursor.sql(statement.sql))
        cursor.execute(f"EXPLAIN {statement.sql}")
    except duckdb.Error as error:
        raise from_duckdb(error) from error
    return ()


def run_query(store: Store, prepared: Prepared) -> Callable[[Job], Outcome]:
    """Return the work of a query job."""
    if prepared.statement.kind == "SELECT":
        return lambda job: _select(store, prepared, job)
    return lambda _: _delete(store, prepared)


def _select(store: Store, prepared: Prepared, job: Job) -> Outcome:
    result = f"memory.main.{quoted(job.id)}"
    columns = ", ".join(f"{quoted(column.name)} {duck_type(column)}" for column in prepared.fields)
    with store.engine.reader() as cursor:
        job.cancel = cursor.interrupt
        cursor.execute(f"CREATE TABLE {result} ({columns})")
        try:
            inserted = cursor.execute(f"INSERT INTO {result} {prepared.statement.sql}").fetchone()
        except BaseException:
            cursor.execute(f"DROP TABLE {result}")
            raise
        _refuse_null_elements(cursor, result, prepared.fields)
    rows = int(inserted[0]) if inserted else 0
    return Outcome(prepared.fields, rows, result, statistics=prepared.statistics)


def _refuse_null_elements(cursor: Any, result: str, fields: tuple[Field, ...]) -> None:
    """Refuse NULL in an array of the result; as in BigQuery, only inside a query may arrays contain NULL.

    Raises:
        ApiError: invalidQuery; the result is dropped.
    """
    for column in (column for column in fields if column.is_repeated):
        name = quoted(column.name)
        nulls = f"len({name}) <> len(list_filter({name}, lambda element: element IS NOT NULL))"
        if cursor.execute(f"SELECT 1 FROM {result} WHERE {nulls} LIMIT 1").fetchone():
            cursor.execute(f"DROP TABLE {result}")
            sentence = f"Array cannot have a null element; error in writing field {column.name}"
            raise ApiError("invalidQuery", sentence, "query")


def _delete(store: Store, prepared: Prepared) -> Outcome:
    def run(transaction: Transaction) -> int:
        count = transaction.execute(prepared.statement.sql).fetchone()
        return int(count[0]) if count else 0

    deleted = store.writer.submit(run).result()
    facts = {"numDmlAffectedRows": str(deleted), "dmlStats": {"deletedRowCount": str(deleted)}}
    return Outcome(affected=deleted, statistics=prepared.statistics | facts)
