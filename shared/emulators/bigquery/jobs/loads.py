"""Load jobs: the rows of an uploaded file, all of them or none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shared.emulators.bigquery.engine.catalog import Table
from shared.emulators.bigquery.engine.job_registry import FailedRows, Job, Outcome
from shared.emulators.bigquery.engine.store import Store
from shared.emulators.bigquery.engine.writer import Transaction
from shared.emulators.bigquery.errors import Refusal
from shared.emulators.bigquery.jobs.autodetect import detect_fields
from shared.emulators.bigquery.jobs.destination import open_destination
from shared.emulators.bigquery.jobs.load_sources import BadRow, read_rows
from shared.emulators.bigquery.rows.row_checks import RowReader, insert_sql
from shared.emulators.bigquery.schema_fields import Field, fields_from_json

ROWS_A_STATEMENT = 5000
MAX_ERRORS = 100
"""Errors that a job lists."""


def run_load(store: Store, configuration: Mapping[str, Any], content: bytes) -> Callable[[Job], Outcome]:
    """Return the work of a load job.

    Args:
        store: where to.
        configuration: ``configuration.load`` of the job.
        content: the uploaded file.

    Raises:
        Refusal: invalid, for what is not supported; notFound for the dataset.
    """
    if configuration.get("sourceUris"):
        raise Refusal("invalid", "Loading from gs:// is not supported by the local warehouse: upload the file instead")
    reference = configuration.get("destinationTable") or {}
    dataset, name = str(reference.get("datasetId")), str(reference.get("tableId"))
    store.catalog.dataset(dataset)
    given = fields_from_json((configuration.get("schema") or {}).get("fields") or ())
    table = store.catalog.find(dataset, name)
    truncates = configuration.get("writeDisposition") == "WRITE_TRUNCATE"
    known = given or (table.fields if table and not (truncates and configuration.get("autodetect")) else ())
    if not known and not configuration.get("autodetect"):
        raise Refusal("invalid", f"No schema specified on job or table {store.catalog.project}:{dataset}.{name}")
    return lambda _: _load(store, configuration, content, known)


def _load(store: Store, configuration: Mapping[str, Any], content: bytes, known: Sequence[Field]) -> Outcome:
    rows = read_rows(content, configuration, known or None)
    fields = known or detect_fields([row for row in rows if isinstance(row, dict)])
    documents, errors = _check(rows, RowReader(tuple(fields), bool(configuration.get("ignoreUnknownValues")), False))
    if len(errors) > int(configuration.get("maxBadRecords") or 0):
        raise FailedRows(
            f"Error while reading data, error message: the file has {len(rows)} rows, {len(errors)} errors; giving up. "
            "Please look into the errors[] collection for more details.",
            errors[:MAX_ERRORS],
        )
    write = _write(store, configuration, fields, documents)
    store.writer.submit(write).result()
    sizes = {"inputFileBytes": len(content), "inputFiles": 1, "outputRows": len(documents), "badRecords": len(errors)}
    return Outcome(statistics={key: str(value) for key, value in {**sizes, "outputBytes": len(content)}.items()})


def _check(rows: Sequence[dict[str, Any] | BadRow], reader: RowReader) -> tuple[list[str], list[dict[str, str]]]:
    documents: list[str] = []
    errors: list[dict[str, str]] = []
    for number, row in enumerate(rows, start=1):
        if isinstance(row, BadRow):
            errors.append({"reason": "invalid", "location": "", "message": f"{row.message}; row: {number}"})
            continue
        document, problems = reader.read(row)
        if problems:
            first = problems[0]
            message = (
                f"Error while reading data, error message: {first['message']} Row: {number}; Field: {first['location']}"
            )
            errors.append({"reason": "invalid", "location": first["location"], "message": message})
        else:
            documents.append(document)
    return documents, errors


def _write(
    store: Store, configuration: Mapping[str, Any], fields: Sequence[Field], documents: Sequence[str]
) -> Callable[[Transaction], Table]:
    def write(transaction: Transaction) -> Table:
        table = open_destination(transaction, store.catalog, configuration, fields, "WRITE_APPEND")
        sql = insert_sql(table.sql_name, fields)
        for start in range(0, len(documents), ROWS_A_STATEMENT):
            transaction.execute(sql, ["[" + ",".join(documents[start : start + ROWS_A_STATEMENT]) + "]"])
        return table

    return write
