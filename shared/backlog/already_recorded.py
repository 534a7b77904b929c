"""Find the uploads that already have a row, which a sweep with ``keep`` skips."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from shared.pipeline.ids import ImageIds
from shared.ports import Warehouse
from shared.types import ObjectRef, Upload

BATCH = 500

RECORDED = """
SELECT upload_id
FROM predictions
WHERE uploaded_on IN (DAYS) AND prediction_id IN UNNEST(@prediction_ids) AND CONDITION
UNION DISTINCT
SELECT failure_id
FROM failures
WHERE uploaded_on IN (DAYS) AND failure_id IN UNNEST(@upload_ids) AND CONDITION
  AND (reason != 'unknown_model' OR failure_id IN UNNEST(@unserved_ids))
"""
"""DAYS becomes literals: BigQuery prunes partitions by constants, but not by an array in a parameter."""

WITHOUT_SHADOW_ROWS, ALL_ROWS = "call.is_shadow IS NOT TRUE", "TRUE"


def recorded_uploads(
    warehouse: Warehouse, models: Mapping[ObjectRef, Sequence[str]], *, is_shadow: bool = False
) -> set[ObjectRef]:
    """Return the objects that have a prediction by one of their models, or a failure.

    One query reads only the partitions of the objects' days. A failure because a model was not served counts only
    while that model is still not served.

    Args:
        warehouse: the warehouse with the rows.
        models: the digests of the models that count, by object; empty for an object whose model is not served.
        is_shadow: whether the sweep is of a shadow release; only then do rows of a shadow count.

    Raises:
        WarehouseUnavailable: no answer within the deadline.
        BadRequest: the tables do not have the expected columns.
    """
    by_id = {ImageIds.of_object(ref).upload_id: ref for ref in models}
    if not by_id:
        return set()
    days = sorted({ref.created_at.date().isoformat() for ref in by_id.values()})
    result = warehouse.query(
        RECORDED.replace("DAYS", ", ".join(f"DATE '{day}'" for day in days)).replace(
            "CONDITION", ALL_ROWS if is_shadow else WITHOUT_SHADOW_ROWS
        ),
        prediction_ids=[ImageIds.of_object(ref).prediction_id(digest) for ref in models for digest in models[ref]],
        upload_ids=list(by_id),
        unserved_ids=[upload_id for upload_id, ref in by_id.items() if not models[ref]],
    )
    return {by_id[row["upload_id"]] for row in result.rows}


def batches(uploads: Iterable[Upload], size: int = BATCH) -> Iterator[list[Upload]]:
    """Yield the uploads in lists of ``size``; the last may be shorter."""
    iterator = iter(uploads)
    while batch := list(islice(iterator, size)):
        yield batch
