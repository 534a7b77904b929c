"""Which uploads have a row already: what a sweep over a bucket that it may not empty need not do again."""

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
WHERE uploaded_on IN (DAYS) AND prediction_id IN UNNEST(@prediction_ids) AND WHOSE
UNION DISTINCT
SELECT failure_id
FROM failures
WHERE uploaded_on IN (DAYS) AND failure_id IN UNNEST(@upload_ids) AND WHOSE
  AND (reason != 'unknown_model' OR failure_id IN UNNEST(@unserved_ids))
"""
"""DAYS becomes literals: BigQuery prunes partitions by constants, which an array in a parameter need not be."""

NOT_A_SHADOWS, ANYBODYS = "call.is_shadow IS NOT TRUE", "TRUE"


def recorded(
    warehouse: Warehouse, models: Mapping[ObjectRef, Sequence[str]], *, is_shadow: bool = False
) -> set[ObjectRef]:
    """Return those that have a prediction by one of their models, or a failure. One query, which reads their days only.

    That a model was not served once counts only for as long as it is not.

    Args:
        warehouse: where the rows are.
        models: digests of the models that count, by object; none for one whose model is not served.
        is_shadow: whether a shadow asks, whose own rows count for it alone.

    Raises:
        WarehouseUnavailable: no answer within the deadline.
        BadRequest: the tables are not as they should be.
    """
    by_id = {ImageIds.of_object(ref).upload_id: ref for ref in models}
    if not by_id:
        return set()
    days = sorted({ref.created_at.date().isoformat() for ref in by_id.values()})
    found = warehouse.query(
        RECORDED.replace("DAYS", ", ".join(f"DATE '{day}'" for day in days)).replace(
            "WHOSE", ANYBODYS if is_shadow else NOT_A_SHADOWS
        ),
        prediction_ids=[ImageIds.of_object(ref).prediction_id(digest) for ref in models for digest in models[ref]],
        upload_ids=list(by_id),
        unserved_ids=[upload_id for upload_id, ref in by_id.items() if not models[ref]],
    )
    return {by_id[row["upload_id"]] for row in found.rows}


def batches(uploads: Iterable[Upload], size: int = BATCH) -> Iterator[list[Upload]]:
    """Yield the uploads in lists of ``size``, the last one shorter."""
    rest = iter(uploads)
    while batch := list(islice(rest, size)):
        yield batch
