"""The state at one moment: waiting uploads, rows, and the objects in the archive and in quarantine."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from shared.adapters.bigquery import BigQuery
from shared.types import ObjectRef
from tests.system.chaos.stores import Buckets

Row = dict[str, Any]

PREDICTED = """
SELECT upload_id, prediction_id, image.bucket, image.name, image.generation, image.sha256, image.archive_uri,
  call.source
FROM latest_predictions
"""
REJECTED = "SELECT failure_id AS upload_id, name, reason, quarantine_uri FROM rejected_uploads"
WRITTEN = "SELECT (SELECT COUNT(*) FROM predictions) + (SELECT COUNT(*) FROM failures) AS written"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot, taken in the order in which an image moves: an image that moves is seen twice, never missed."""

    waiting: list[ObjectRef]
    predicted: dict[str, list[Row]]
    """Rows of ``latest_predictions`` by upload."""
    rejected: dict[str, list[Row]]
    """Rows of ``rejected_uploads`` by upload."""
    written: int
    """Number of rows in the tables below those views, duplicates among them."""
    archived: dict[str, str]
    """Digest of the bytes by name."""
    quarantined: dict[str, str]

    @property
    def rows(self) -> int:
        """Number of rows that the two views show."""
        return sum(len(rows) for view in (self.predicted, self.rejected) for rows in view.values())


def take(buckets: Buckets, warehouse: BigQuery) -> Snapshot:
    """Take a snapshot. The warehouse and the store must answer; the functions may be dead or at work."""
    return Snapshot(
        buckets.waiting(),
        _by_upload(warehouse.query(PREDICTED).rows),
        _by_upload(warehouse.query(REJECTED).rows),
        warehouse.query(WRITTEN).rows[0]["written"],
        buckets.archived(),
        buckets.quarantined(),
    )


def _by_upload(rows: list[Row]) -> dict[str, list[Row]]:
    grouped: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row["upload_id"]].append(row)
    return dict(grouped)
