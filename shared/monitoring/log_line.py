"""The log line of a verdict, which alerts are made of."""

from __future__ import annotations

import logging

from shared.logs import log
from shared.monitoring.judge import Judgement
from shared.monitoring.verdict import State

LEVELS = {
    State.STEADY: logging.INFO,
    State.DRIFTING: logging.INFO,
    State.UNKNOWN: logging.WARNING,
    State.HARMED: logging.ERROR,
}


def log_verdict(judgement: Judgement, days_since_label: float | None = None) -> None:
    """Write the log line of a verdict; fields that are not known are left out.

    ``audited`` is the number of labelled pictures of the audit sample within its days. The share of unfamiliar pictures
    is left out where there are too few of them for a comparison: an alert reads it.

    Args:
        judgement: of a window.
        days_since_label: since a person labelled any picture; None where it is not known.
    """
    verdict, audit = judgement.verdict, judgement.verdict.audit
    has_enough = len(judgement.window.pictures) >= judgement.thresholds.min_pictures
    share = judgement.unfamiliar_share if has_enough else None
    log.log(
        LEVELS[verdict.state],
        f"{verdict.state}: {judgement.model}: {verdict.why}",
        extra={
            "fields": {
                "outcome": "judged",
                "verdict": verdict.state.value,
                "model": f"{judgement.model.name}_v{judgement.model.version}",
                "digest": judgement.model.digest,
                "since": judgement.window.since.isoformat(),
                "until": judgement.window.until.isoformat(),
                "rows": judgement.rows,
                "pictures": len(judgement.window.pictures),
                "drift": [test.subject for test in verdict.drift.drifted] if verdict.drift else None,
                "unfamiliar_share": None if share is None else round(share, 4),
                "estimated_accuracy": None if verdict.band is None else round(verdict.band.low, 4),
                "audited_accuracy": None if audit.accuracy is None else round(audit.accuracy.value, 4),
                "audited": judgement.audit.labelled,
                "days_since_label": days_since_label,
                "retraining_proposed": judgement.proposal.is_proposed,
            }
        },
    )
