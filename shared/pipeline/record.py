"""Step 5: build the row of an outcome. The columns are those of infra/bigquery/tables."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from shared.types import Correction, Failure, Prediction, Recorded, Signals, fields_of

Row = dict[str, Any]


def prediction_row(prediction: Prediction, recorded_at: datetime) -> Row:
    """Return the row of ``predictions``, ready for JSON."""
    classification, image = prediction.classification, prediction.image
    return {
        "prediction_id": prediction.prediction_id,
        "upload_id": prediction.upload_id,
        "uploaded_on": prediction.uploaded_at.date().isoformat(),
        "uploaded_at": _timestamp(prediction.uploaded_at),
        "recorded_at": _timestamp(recorded_at),
        "label": classification.label,
        "score": classification.score,
        "needs_review": classification.needs_review,
        "is_unfamiliar": classification.is_unfamiliar,
        "candidates": [fields_of(candidate) for candidate in classification.candidates],
        "signals": None if classification.signals is None else _signals(classification.signals),
        "image": {**fields_of(image), "archive_uri": prediction.archive_uri},
        "model": fields_of(prediction.model),
        "call": _call(prediction, image.size_bytes),
    }


def failure_row(failure: Failure, recorded_at: datetime) -> Row:
    """Return the row of ``failures``, ready for JSON."""
    image = failure.image
    return {
        "failure_id": failure.failure_id,
        "uploaded_on": failure.uploaded_at.date().isoformat(),
        "uploaded_at": _timestamp(failure.uploaded_at),
        "recorded_at": _timestamp(recorded_at),
        "reason": failure.reason,
        "detail": failure.detail,
        "image": {
            "bucket": image.bucket,
            "name": image.name,
            "generation": image.generation,
            "quarantine_uri": failure.quarantine_uri,
            "sha256": image.sha256,
            "content_type": image.content_type,
            "size_bytes": image.size_bytes,
        },
        "call": _call(failure, image.size_bytes),
    }


def label_row(correction: Correction) -> Row:
    """Return the row of ``labels``, ready for JSON."""
    return {
        "label_id": correction.label_id,
        "prediction_id": correction.prediction_id,
        "label": correction.label,
        "labelled_by": correction.labelled_by,
        "labelled_on": correction.labelled_at.date().isoformat(),
        "labelled_at": _timestamp(correction.labelled_at),
        "note": correction.note,
        "is_new_label": correction.is_new_label,
    }


def _signals(signals: Signals) -> Row:
    return {**fields_of(signals), "embedding": list(signals.embedding)}


def _call(outcome: Recorded, received_bytes: int) -> Row:
    call, times = outcome.call, fields_of(outcome.times)
    return {
        **fields_of(call),
        "received_at": _timestamp(call.received_at),
        "times": {name: value if value is None else round(value, 3) for name, value in times.items()},
        "received_bytes": received_bytes,
    }


def _timestamp(moment: datetime) -> str:
    """Return a time in RFC 3339 with microseconds and zone, as BigQuery reads it."""
    return moment.isoformat(timespec="microseconds")
