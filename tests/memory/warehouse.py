"""A warehouse in the test's own process: the local warehouse's file and SQL, without its HTTP server and its client.

``tests/emulators/contract/test_warehouse_port.py`` holds it to what the real one does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shared.emulators.bigquery.engine.store import Store
from shared.emulators.bigquery.errors import ApiError
from shared.emulators.bigquery.jobs.inserts import insert_rows
from shared.emulators.bigquery.jobs.queries import prepare
from shared.emulators.bigquery.start.schemas import apply_schemas, create_dataset
from shared.errors import BadRequest, RowRefused
from shared.local.cloud import DATASET, PROJECT
from shared.pipeline.record import failure_row, label_row, prediction_row
from shared.types import Correction, Failure, Prediction, Recorded

SCHEMAS = Path(__file__).resolve().parents[2] / "infra" / "bigquery"
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rows:
    """The result of a query."""

    rows: list[Row]


class MemoryWarehouse:
    """``ports.Warehouse`` without a process of its own. Thread-safe.

    Args:
        folder: holds the file; made by this call.
    """

    def __init__(self, folder: Path) -> None:
        self._store = Store(folder, PROJECT)
        create_dataset(self._store, DATASET)
        apply_schemas(self._store, SCHEMAS, DATASET)

    def append(self, outcome: Recorded | Correction) -> None:
        """See ``ports.Warehouse.append``."""
        now = datetime.now(UTC)
        match outcome:
            case Prediction():
                self.append_row("predictions", outcome.prediction_id, prediction_row(outcome, now))
            case Failure():
                self.append_row("failures", outcome.failure_id, failure_row(outcome, now))
            case Correction():
                self.append_row("labels", outcome.label_id, label_row(outcome))

    def query(self, sql: str, **parameters: Sequence[str]) -> Rows:
        """See ``ports.Warehouse.query``."""
        configuration = {
            "query": sql,
            "useLegacySql": False,
            "defaultDataset": {"datasetId": DATASET},
            "queryParameters": [_parameter(name, values) for name, values in parameters.items()],
        }
        try:
            prepared = prepare(self._store, configuration)
        except ApiError as error:
            raise BadRequest(str(error)) from error
        with self._store.engine.reader() as cursor:
            rows_found = cursor.execute(prepared.statement.sql).fetchall()
        names = [field.name for field in prepared.fields]
        return Rows([dict(zip(names, row, strict=True)) for row in rows_found])

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def append_row(self, table: str, row_id: str, row: Row) -> None:
        """See ``model_events.RowWriter.append_row``."""
        self.append_rows(table, {row_id: row})

    def append_rows(self, table: str, rows: Mapping[str, Row]) -> None:
        """Append many rows together, which takes as long as one; they are given by their ids."""
        request = {"rows": [{"insertId": row_id, "json": row} for row_id, row in rows.items()]}
        done, errors = insert_rows(self._store, self._store.catalog.table(DATASET, table), request)
        if done is None or errors:
            raise RowRefused(f"{table} refused the row {next(iter(rows))}: {errors}")
        done.result()


def _parameter(name: str, values: Sequence[str]) -> dict[str, Any]:
    return {
        "name": name,
        "parameterType": {"type": "ARRAY", "arrayType": {"type": "STRING"}},
        "parameterValue": {"arrayValues": [{"value": value} for value in values]},
    }
