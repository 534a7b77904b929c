"""Query jobs: a statement is checked when it comes, and run in a thread of its own.

A query's rows go to a table in memory, from which pages are read; so a slow reader holds nothing up.
"""

# ruff: noqa: S608  (names are quoted, values are parameters)
from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
from sqlglot import exp

from shared.emulators.bigquery.engine.catalog import Table
from shared.emulators.bigquery.engine.job_registry import Job, Outcome
from shared.emulators.bigquery.engine.store import Store
from shared.emulators.bigquery.engine.writer import Transaction
from shared.emulators.bigquery.errors import Refusal, from_duckdb
from shared.emulators.bigquery.jobs.destination import open_destination
from shared.emulators.bigquery.schema_fields import Field, duck_type, fields_as_json, fields_of_result, quoted
from shared.emulators.bigquery.sql.ddl import plan_ddl
from shared.emulators.bigquery.sql.ddl_facts import ddl_facts
from shared.emulators.bigquery.sql.translate import Statement, translate


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement that was found good: it parses, its tables and columns are there, its types fit."""

    statement: Statement
    text: str
    fields: tuple[Field, ...]
    """Of the result, or of the query in CREATE … AS."""
    configuration: Mapping[str, Any]
    """``configuration.query`` of the job."""

    @property
    def statistics(self) -> dict[str, Any]:
        """What is known of a query before it ran: ``statistics.query`` of a dry run."""
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
        Refusal: whatever is wrong with it.
    """
    text = str(configuration.get("query") or "")
    if configuration.get("useLegacySql", True) and re.match(r"\s*#standardsql", text, re.IGNORECASE) is None:
        raise Refusal(
            "invalidQuery",
            "Legacy SQL is not supported by the local warehouse: set useLegacySql to false (bq: --nouse_legacy_sql)",
            "query",
        )
    default = (configuration.get("defaultDataset") or {}).get("datasetId")
    statement = translate(text, store.catalog, default, configuration.get("queryParameters") or ())
    with store.engine.reader() as cursor:
        fields = fields_of_relation(cursor, statement)
    return Prepared(statement, text, fields, configuration)


def fields_of_relation(cursor: Any, statement: Statement) -> tuple[Field, ...]:
    """Let DuckDB bind a statement: returns the columns of its query, if it has one.

    Raises:
        Refusal: invalidQuery, for what only shows when names and types meet.
    """
    try:
        if statement.kind == "SELECT" or (statement.sql and isinstance(statement.tree, exp.Create)):
            return fields_of_result(cursor.sql(statement.sql))
        if statement.sql:
            cursor.execute(f"EXPLAIN {statement.sql}")
    except duckdb.Error as error:
        raise from_duckdb(error) from error
    return ()


def run_query(store: Store, prepared: Prepared) -> Callable[[Job], Outcome]:
    """Return the work of a query job."""
    if prepared.statement.kind == "SELECT":
        return lambda job: _select(store, prepared, job)
    return lambda _: _change(store, prepared)


def _select(store: Store, prepared: Prepared, job: Job) -> Outcome:
    result = f"memory.main.{quoted(job.id)}"
    columns = ", ".join(f"{quoted(one.name)} {duck_type(one)}" for one in prepared.fields)
    with store.engine.reader() as cursor:
        job.cancel = cursor.interrupt
        cursor.execute(f"CREATE TABLE {result} ({columns})")
        try:
            found = cursor.execute(f"INSERT INTO {result} {prepared.statement.sql}").fetchone()
        except BaseException:
            cursor.execute(f"DROP TABLE {result}")
            raise
        _refuse_null_elements(cursor, result, prepared.fields)
    rows = int(found[0]) if found else 0
    if prepared.configuration.get("destinationTable"):
        store.writer.submit(lambda transaction: _copy(store, transaction, prepared, result)).result()
    return Outcome(prepared.fields, rows, result, statistics=prepared.statistics)


def _refuse_null_elements(cursor: Any, result: str, fields: tuple[Field, ...]) -> None:
    """As BigQuery: arrays may hold NULL inside a query, and not in its result.

    Raises:
        Refusal: invalidQuery, and the result is dropped.
    """
    for one in (one for one in fields if one.is_repeated):
        column = quoted(one.name)
        nulls = f"len({column}) <> len(list_filter({column}, lambda element: element IS NOT NULL))"
        if cursor.execute(f"SELECT 1 FROM {result} WHERE {nulls} LIMIT 1").fetchone():
            cursor.execute(f"DROP TABLE {result}")
            sentence = f"Array cannot have a null element; error in writing field {one.name}"
            raise Refusal("invalidQuery", sentence, "query")


def _copy(store: Store, transaction: Transaction, prepared: Prepared, result: str) -> Table:
    table = open_destination(transaction, store.catalog, prepared.configuration, prepared.fields, "WRITE_EMPTY")
    transaction.execute(f"INSERT INTO {table.sql_name} BY NAME SELECT * FROM {result}")
    return table


def _change(store: Store, prepared: Prepared) -> Outcome:
    statement = prepared.statement
    if isinstance(statement.tree, exp.DML) and not isinstance(statement.tree, exp.Create):
        changed = store.writer.submit(lambda transaction: _changed(transaction, statement)).result()
        affected = sum(changed.values())
        statistics = prepared.statistics | {
            "numDmlAffectedRows": str(affected),
            "dmlStats": {_COUNTS[action]: str(rows) for action, rows in changed.items()},
        }
        return Outcome(affected=affected, statistics=statistics)
    change = plan_ddl(statement, store.catalog, prepared.text, prepared.fields)
    facts = ddl_facts(statement, store.catalog)
    store.writer.submit(change).result()
    return Outcome(statistics=prepared.statistics | facts)


_COUNTS = {"INSERT": "insertedRowCount", "DELETE": "deletedRowCount", "UPDATE": "updatedRowCount"}


def _changed(transaction: Transaction, statement: Statement) -> dict[str, int]:
    """Run a DML statement; returns how many rows it inserted, deleted or updated."""
    if statement.kind != "MERGE":
        found = transaction.execute(statement.sql).fetchone()
        return {statement.kind: int(found[0]) if found else 0}
    actions = transaction.execute(f"{statement.sql} RETURNING merge_action").fetchall()
    return dict.fromkeys(_COUNTS, 0) | Counter(action for (action,) in actions)
