"""The sweep: uploads that no event finished go through the same pipeline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from zlib import crc32

from shared.errors import Transient
from shared.logs import log, log_outcome
from shared.pipeline import Pipeline
from shared.types import Acknowledged, Call, Failure, Upload


def waiting_uploads(
    pipeline: Pipeline, bucket: str, older_than: datetime, task_index: int = 0, task_count: int = 1
) -> Iterator[Upload]:
    """List this task's share of the uploads that were written before ``older_than``, oldest names first.

    Shares are cut by the name's CRC-32, so that tasks need not talk to each other.
    """
    for upload in pipeline.store.uploads(bucket):
        is_ours = crc32(upload.ref.name.encode()) % task_count == task_index
        if is_ours and upload.ref.created_at < older_than:
            yield upload


def sweep(pipeline: Pipeline, uploads: Iterator[Upload], new_call: Callable[[], Call], threads: int) -> Counter[str]:
    """Process each upload, several at once; what cannot be done now stays for the next sweep.

    Returns:
        How many were ``predicted``, ``rejected``, ``already_done``, ``superseded`` or ``postponed``.
    """

    def process(upload: Upload) -> str:
        try:
            outcome = pipeline.process(upload, new_call())
        except Transient as error:
            log.warning(f"postponed {upload.ref}: {error}", extra={"fields": {"outcome": "postponed"}})
            return "postponed"
        log_outcome(outcome)
        if isinstance(outcome, Acknowledged):
            return outcome.why
        return "rejected" if isinstance(outcome, Failure) else "predicted"

    with ThreadPoolExecutor(threads, thread_name_prefix="sweep") as pool:
        return Counter(pool.map(process, uploads))


def cut_off(now: datetime, age_s: int) -> datetime:
    """Return the moment before which an upload counts as left behind."""
    return now - timedelta(seconds=age_s)
