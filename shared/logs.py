"""Logs: one line for each outcome, in Cloud Logging's structure or readable on a terminal.

The JSON fields are those that Cloud Logging recognises in a line on stdout
(https://cloud.google.com/logging/docs/structured-logging). The handler of google-cloud-logging is not used: its import
takes half of the time that the whole start may take. A test compares the two.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any, TextIO

from shared.types import Acknowledged, Failure, Outcome, Prediction, fields_of

log = logging.getLogger("bucketlens")


def configure(format: str, stream: TextIO | None = None) -> None:
    """Send the log to ``stream`` or to stdout, as ``json``, ``text``, or ``auto`` for text on a terminal."""
    as_text = format == "text" or (format == "auto" and (stream or sys.stdout).isatty())
    handler = logging.StreamHandler(stream) if stream else _Stdout()
    handler.setFormatter(_Text() if as_text else _Json())
    log.handlers[:] = [handler]
    log.setLevel(logging.INFO)
    log.propagate = False


def log_outcome(outcome: Outcome) -> None:
    """Write the log line of one outcome."""
    match outcome:
        case Prediction():
            _log_prediction(outcome)
        case Failure():
            _log_failure(outcome)
        case Acknowledged():
            fields = {"outcome": outcome.reason, "uri": outcome.ref.uri, "generation": str(outcome.ref.generation)}
            level = logging.WARNING if outcome.is_left_to_the_sweep else logging.INFO
            detail = f": {outcome.detail}" if outcome.detail else ""
            log.log(level, f"{outcome.reason}: {outcome.ref}{detail}", extra={"fields": fields})


def _log_prediction(prediction: Prediction) -> None:
    classification, image = prediction.classification, prediction.image
    review = ", needs review" if classification.needs_review else ""
    log.info(
        f"{classification.label} {classification.score:.2f}{review}: {_object_name(image.bucket, image.name)}",
        extra={
            "fields": {
                "outcome": "predicted",
                "prediction_id": prediction.prediction_id,
                "label": classification.label,
                "score": round(classification.score, 4),
                "needs_review": classification.needs_review,
                "model": f"{prediction.model.name}_v{prediction.model.version}",
                **_common(prediction),
            }
        },
    )


def _log_failure(failure: Failure) -> None:
    log.warning(
        f"{failure.reason}: {_object_name(failure.image.bucket, failure.image.name)}: {failure.detail}",
        extra={
            "fields": {
                "outcome": "rejected" if failure.quarantine_uri else "set_aside",
                "failure_id": failure.failure_id,
                "reason": failure.reason,
                "quarantine_uri": failure.quarantine_uri,
                **_common(failure),
            }
        },
    )


def _common(outcome: Prediction | Failure) -> dict[str, Any]:
    call, image = outcome.call, outcome.image
    times = {name: round(ms, 1) for name, ms in fields_of(outcome.times).items() if ms is not None}
    return {
        "source": call.source,
        "event_id": call.event_id,
        "logging.googleapis.com/trace": call.trace,
        "bucket": image.bucket,
        "name": image.name,
        "generation": None if image.generation is None else str(image.generation),
        "times": times,
    }


def _object_name(bucket: str | None, name: str | None) -> str:
    return f"gs://{bucket}/{name}" if bucket else name or "request"


class _Stdout(logging.StreamHandler[TextIO]):
    """A handler that writes to the current ``sys.stdout``, also if that is redirected later."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stdout


class _Json(logging.Formatter):
    """The format of one JSON object a line; fields that are None are omitted."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "severity": record.levelname,
            "message": record.getMessage(),
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds"),
        }
        line.update({name: value for name, value in getattr(record, "fields", {}).items() if value is not None})
        if record.exc_info and record.exc_info[0]:
            line["stack_trace"] = "".join(traceback.format_exception(*record.exc_info))
        return json.dumps(line, ensure_ascii=True, default=str)


class _Text(logging.Formatter):
    """The format of one line for people; see ``readable``."""

    def format(self, record: logging.LogRecord) -> str:
        trail = "".join(traceback.format_exception(*record.exc_info)) if record.exc_info else ""
        return _text(datetime.fromtimestamp(record.created), record.levelname, record.getMessage(), trail)


def readable(line: str) -> str:
    """Return a line of a log as ``text`` writes it; a line that is not our JSON is returned as it is."""
    fields = fields_in(line)
    if fields is None:
        return line
    moment = datetime.fromisoformat(fields["time"]).astimezone()
    return _text(moment, fields["severity"], fields["message"], str(fields.get("stack_trace", "")))


def fields_in(line: str | bytes) -> dict[str, Any] | None:
    """Return the fields of a line that ``json`` wrote; None if another program wrote it, or if it is not whole."""
    try:
        fields = json.loads(line)
        is_ours = all(isinstance(fields[name], str) for name in ("severity", "message", "time"))
        return fields if is_ours and datetime.fromisoformat(fields["time"]).tzinfo else None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _text(moment: datetime, severity: str, message: str, trail: str) -> str:
    """Return one line for people. Control characters, which uploaded names may contain, are escaped.

    A traceback may contain such a name or a line break, so its lines are indented: none looks like a line of the log.
    """
    mark = {"INFO": " ", "WARNING": "!", "ERROR": "✗"}.get(severity, "✗")
    below = [f"    {_visible(line)}" for line in trail.split("\n") if line]
    return "\n".join([f"{moment:%H:%M:%S} {mark} {_visible(message)}", *below])


def _visible(text: str) -> str:
    """Return a text with every unprintable character escaped."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
