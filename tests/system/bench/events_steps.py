"""Measure where the time between an upload and its row goes, step by step, from the rows themselves."""

from __future__ import annotations

import statistics
import time

from shared.adapters.bigquery import BigQuery
from shared.local.cloud import DATASET, PROJECT, Cloud
from tests.system.bench.events_cloud import Traffic

STEPS = ("until the function has it", "read", "decode", "classify, archive beside it", "row")

ROWS = """
SELECT image.generation AS generation, call.received_at AS received_at, call.times AS times FROM latest_predictions
WHERE image.generation IN UNNEST(ARRAY(SELECT CAST(item AS INT64) FROM UNNEST(@generations) AS item))
"""


def steps_ms(cloud: Cloud, traffic: Traffic) -> dict[str, float]:
    """Return the median of each step, in milliseconds; added up they are the time from upload to row, nearly.

    Work that a function does in parallel is one step: the row is sent when picture and copy are both done.
    """
    warehouse = BigQuery(PROJECT, DATASET, 60, endpoint=cloud.url("warehouse"))
    sent = {upload.ref.generation: upload for upload in traffic.sent}
    apart_s = time.time() - time.monotonic()
    steps: dict[str, list[float]] = {step: [] for step in STEPS}
    for row in warehouse.query(ROWS, generations=[str(generation) for generation in sent]).rows:
        upload, times = sent[row["generation"]], row["times"]
        received = row["received_at"].timestamp() - apart_s
        recorded = upload.recorded or received
        before = times["read_ms"] + times["decode_ms"]
        took = (1000 * (received - upload.ended), times["read_ms"], times["decode_ms"], times["total_ms"] - before)
        for step, ms in zip(STEPS, (*took, 1000 * (recorded - received) - times["total_ms"]), strict=True):
            steps[step].append(ms)
    return {step: statistics.median(values) for step, values in steps.items()}
