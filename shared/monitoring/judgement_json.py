"""A judgement as JSON: what `bucketlens monitor --json` prints and the event ``verdict`` keeps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from shared.monitoring.retraining_proposal import Proposal
from shared.monitoring.verdict import Verdict
from shared.monitoring.window import ModelVersion, Reference, Window


def judgement_json(
    model: ModelVersion, window: Window, reference: Reference | None, verdict: Verdict, proposal: Proposal
) -> dict[str, Any]:
    """Return a judgement, ready for JSON: times in RFC 3339, UTC; a number that is not known is null."""
    audit, drift, band = verdict.audit, verdict.drift, verdict.band
    described = None
    if reference is not None:
        described = {
            "source": reference.source,
            "made_at": in_utc(reference.made_at),
            "pictures": len(reference.pictures),
            "accuracy": reference.validation.accuracy,
            "unfamiliar_above": reference.unfamiliar_above,
        }
    document: dict[str, Any] = finite(
        {
            **evidence_json(model, window, verdict),
            "exit_code": verdict.exit_code,
            "pictures": len(window.pictures),
            "models": [{**asdict(version), "rows": rows} for version, rows in window.models],
            "reference": described,
            "floor": verdict.floor,
            "estimated_accuracy": None if band is None else asdict(band),
            "audit": asdict(audit),
            "drift": None if drift is None else asdict(drift),
            "proposal": asdict(proposal),
        }
    )
    return document


def evidence_json(model: ModelVersion, window: Window, verdict: Verdict) -> dict[str, Any]:
    """Return what makes a verdict: the same of the same window is the same event."""
    return {
        "model": asdict(model),
        "since": in_utc(window.since),
        "until": in_utc(window.until),
        "state": verdict.state.value,
        "why": verdict.why,
        "evidence": [asdict(item) for item in verdict.evidence],
    }


def in_utc(moment: datetime) -> str:
    """Return a time in RFC 3339, UTC, to the microsecond."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def finite(value: Any) -> Any:
    """Return a value with None for every number that JSON cannot hold, and lists for tuples."""
    match value:
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            return {name: finite(item) for name, item in value.items()}
        case list() | tuple():
            return [finite(item) for item in value]
    return value
