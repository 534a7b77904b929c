"""On a schedule, classify what still lies in the upload bucket."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from shared.backlog import cut_off, sweep, waiting_uploads
from shared.logs import log
from shared.service import Service
from shared.types import Source


def classify_backlog() -> int:
    """Sweep once. Returns the exit code: 0, or 1 where some uploads must wait for the next sweep."""
    service = Service.from_environment()
    settings, platform, pipeline = service.settings, service.platform, service.pipeline()
    uploads = waiting_uploads(
        pipeline,
        settings.upload_bucket,
        cut_off(datetime.now(UTC), settings.backlog_age_s),
        platform.task_index,
        platform.task_count,
    )
    summary = sweep(pipeline, uploads, lambda: service.call(Source.BACKLOG), settings.model_threads)
    counted = ", ".join(f"{count} {outcome}" for outcome, count in sorted(summary.items())) or "nothing was waiting"
    log.info(f"swept: {counted}", extra={"fields": {"outcome": "swept", **summary}})
    return 1 if summary["postponed"] else 0


if __name__ == "__main__":
    sys.exit(classify_backlog())
