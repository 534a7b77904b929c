"""A warehouse in memory: takes rows as BigQuery does, and answers the questions that the steps ask, known by their SQL.

``tests/contract/test_warehouse_port.py`` holds it to what the real one does. SQL that it does not know is refused: what
a query means is tested on the real warehouse.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from shared.errors import BadRequest
from shared.record import failure_row, label_row, prediction_row
from shared.recorded import RECORDED
from shared.replay import REJECTED
from shared.types import Correction, Failure, Prediction, Recorded
from tests.memory.tables import Row, stored

DAY = re.compile(r"DATE '(\d{4}-\d\d-\d\d)'")
OF_A_VIEW = re.compile(r"SELECT (\*|\w+) FROM (\w+) WHERE ([\w.]+) IN UNNEST\(@(\w+)\)")
OF_REJECTED = ("bucket", "name", "generation", "quarantine_uri", "size_bytes", "content_type")


@dataclass(frozen=True, slots=True)
class Rows:
    """What a query gave."""

    rows: list[Row]


class MemoryWarehouse:
    """``ports.Warehouse`` in memory. Thread-safe."""

    def __init__(self) -> None:
        self.tables: dict[str, list[Row]] = {"predictions": [], "failures": [], "labels": []}
        self._ids: set[str] = set()
        self._lock = threading.Lock()

    def append(self, outcome: Recorded | Correction) -> None:
        """See ``ports.Warehouse.append``."""
        now = datetime.now(UTC)
        match outcome:
            case Prediction():
                self._insert("predictions", outcome.prediction_id, prediction_row(outcome, now))
            case Failure():
                self._insert("failures", outcome.failure_id, failure_row(outcome, now))
            case Correction():
                self._insert("labels", outcome.label_id, label_row(outcome))

    def _insert(self, table: str, row_id: str, row: Row) -> None:
        """Append a row, unless one came with the same id: as ``adapters.bigquery.BigQuery`` does."""
        kept = stored(row, table)
        with self._lock:
            if row_id not in self._ids:
                self._ids.add(row_id)
                self.tables[table].append(kept)

    def query(self, sql: str, **parameters: Sequence[str]) -> Rows:
        """See ``ports.Warehouse.query``; of SQL that it does not know it says so, as a ``BadRequest``."""
        with self._lock:
            if sql == _with_days(sql):
                return Rows(self._recorded(sql, parameters))
            if sql == REJECTED:
                rows = [row for row in self.view("rejected_uploads") if row["bucket"] in parameters["buckets"]]
                return Rows(sorted(rows, key=lambda row: (row["recorded_at"], row["failure_id"])))
            if asked := OF_A_VIEW.fullmatch(sql):
                wanted, view, column, name = asked.groups()
                rows = [row for row in self.view(view) if _at(row, column) in parameters[name]]
                return Rows(rows if wanted == "*" else [{wanted: row[wanted]} for row in rows])
        raise BadRequest(f"The warehouse in memory does not know this query; ask the real one: {sql[:200]}")

    def view(self, name: str) -> list[Row]:
        """Return the rows of a table, or of a view of infra/bigquery/views.

        Raises:
            BadRequest: it is known on the real warehouse only.
        """
        predictions, failures = self.tables["predictions"], self.tables["failures"]
        match name:
            case "latest_predictions":
                ours = [row for row in predictions if not row["call"]["is_shadow"]]
                return _newest(ours, lambda row: (row["uploaded_on"], row["upload_id"]))
            case "predictions_by_model":
                return _newest(predictions, lambda row: (row["uploaded_on"], row["prediction_id"]))
            case "rejected_uploads":
                newest = _newest(failures, lambda row: (row["uploaded_on"], row["failure_id"]))
                return [_flat(row) for row in newest if not row["call"]["is_shadow"]]
            case "predictions" | "failures" | "labels":
                return self.tables[name]
        raise BadRequest(f"The warehouse in memory has no view {name}; ask the real one.")

    def _recorded(self, sql: str, parameters: dict[str, Sequence[str]]) -> list[Row]:
        days = {date.fromisoformat(day) for day in DAY.findall(sql)}
        ids = {
            row["upload_id"]
            for row in self.tables["predictions"]
            if row["uploaded_on"] in days and row["prediction_id"] in parameters["prediction_ids"]
        } | {
            row["failure_id"]
            for row in self.tables["failures"]
            if row["uploaded_on"] in days and row["failure_id"] in parameters["upload_ids"]
        }
        return [{"upload_id": one} for one in sorted(ids)]


def _with_days(sql: str) -> str:
    """Return the question that ``recorded`` asks, of the days that a query names."""
    days = [f"DATE '{day}'" for day in dict.fromkeys(DAY.findall(sql))]
    return RECORDED.replace("DAYS", ", ".join(days))


def _newest(rows: Iterable[Row], key: Callable[[Row], Any]) -> list[Row]:
    """Return the newest row of each key; of equally new ones that of the smallest prediction."""
    kept: dict[Any, Row] = {}
    for row in sorted(rows, key=lambda row: row.get("prediction_id", ""), reverse=True):
        if key(row) not in kept or row["recorded_at"] >= kept[key(row)]["recorded_at"]:
            kept[key(row)] = row
    return list(kept.values())


def _flat(row: Row) -> Row:
    columns = ("failure_id", "uploaded_on", "uploaded_at", "recorded_at", "reason", "detail")
    return {name: row[name] for name in columns} | {name: row["image"][name] for name in OF_REJECTED}


def _at(row: Row, column: str) -> Any:
    value: Any = row
    for name in column.split("."):
        value = value[name]
    return value
