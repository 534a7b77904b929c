"""Collect the fields of the product's log lines from lines that it wrote."""

from __future__ import annotations

import io
import json
import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

from shared.backlog.summary import Summary, log_summary
from shared.logs import configure, log, log_outcome
from shared.monitoring.log_line import log_verdict
from shared.types import Times
from tests.monitoring.judged import drawn_judgement
from tests.pipeline.outcomes import FAILURE, PREDICTION


@cache
def fields_of_the_log() -> set[str]:
    """Return the fields of a prediction, a failure, a sweep and a verdict, nested ones with dots."""
    stream = io.StringIO()
    before = log.handlers[:], log.level, log.propagate
    try:
        configure("json", stream)
        log_outcome(replace(PREDICTION, times=Times(*5 * (1.0,))))
        log_outcome(FAILURE)
        log_summary(Summary(Counter(predicted=1), 2.0, oldest_upload_s=960.0))
        log_verdict(drawn_judgement(), 31.0)
    finally:
        log.handlers[:], level, log.propagate = before[0], before[1], before[2]
        log.setLevel(level or logging.NOTSET)
    return {field for line in stream.getvalue().splitlines() for field in _paths(json.loads(line))}


def _paths(value: dict[str, Any], above: str = "") -> Iterator[str]:
    for name, inner in value.items():
        yield f"{above}{name}"
        if isinstance(inner, dict):
            yield from _paths(inner, f"{above}{name}.")
