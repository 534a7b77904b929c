"""JSON answers: the shape of a prediction and the one shape of an error.

An answer never contains an unexpected exception's text or a path of the server; only the sentences of ``errors`` that
are written for clients.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from werkzeug.exceptions import HTTPException, MethodNotAllowed

from shared.errors import AlreadyDone, BadRequest, BucketlensError, Permanent, Transient
from shared.logs import log
from shared.types import Classification, Prediction, fields_of


def prediction_response(prediction: Prediction, *, recorded: bool, label_token: str | None = None) -> dict[str, Any]:
    """Return a prediction as clients see it; a client can label it with the ``label_token``, if there is one."""
    classification, image = prediction.classification, prediction.image
    return {
        "label": classification.label,
        "score": classification.score,
        "needs_review": classification.needs_review,
        "is_unfamiliar": classification.is_unfamiliar,
        "candidates": [fields_of(candidate) for candidate in classification.candidates],
        "prediction_id": prediction.prediction_id,
        **({"label_token": label_token} if label_token and recorded else {}),
        "recorded": recorded,
        **({"signals": signals} if (signals := signals_response(classification)) else {}),
        "model": fields_of(prediction.model),
        "image": {name: value for name, value in fields_of(image).items() if value is not None},
        "times": {name: round(ms, 3) for name, ms in fields_of(prediction.times).items() if ms is not None},
    }


def signals_response(classification: Classification) -> dict[str, float]:
    """Return the signals that there are, as clients see them: without the embedding."""
    if classification.signals is None:
        return {}
    return {
        name: value
        for name, value in fields_of(classification.signals).items()
        if name != "embedding" and value is not None
    }


def error_response(error: Exception) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Return the body, status and headers by which a client gets an error.

    The body is ``{"error": {"code": 415, "reason": "not_an_image", "message": "…"}}``: the HTTP status, a word for
    programs, and a sentence for people.
    """
    match error:
        case Permanent():
            return _error(error.http_status, error.reason, str(error))
        case BadRequest():
            return _error(error.http_status, error.reason, str(error))
        case AlreadyDone():
            return _error(404, "not_found", "The object does not exist; check the bucket and the name.")
        case Transient():
            retry = {"Retry-After": str(error.retry_after_s)}
            message = f"The service cannot take this request now; send it again in {error.retry_after_s} s."
            return _error(error.http_status, error.reason, message, retry)
        case HTTPException():
            status = HTTPStatus(error.code or 500)
            allow = error.valid_methods if isinstance(error, MethodNotAllowed) else None
            headers = {"Allow": ", ".join(sorted(allow))} if allow else {}
            return _error(status, status.name.lower(), f"{status.phrase}: {status.description}.", headers)
    return _error(500, "internal", "The service failed unexpectedly; the error was logged.")


def log_refusal(error: BucketlensError) -> None:
    """Log the one line of a refused request, or of a refused image in a batch."""
    if isinstance(error, Transient):
        log.warning(str(error), extra={"fields": {"outcome": "transient", "reason": type(error).__name__}})
    else:
        reason = error_response(error)[0]["error"]["reason"]
        log.info(f"refused: {error}", extra={"fields": {"outcome": "refused", "reason": reason}})


def _error(
    status: int, reason: str, message: str, headers: dict[str, str] | None = None
) -> tuple[dict[str, Any], int, dict[str, str]]:
    return {"error": {"code": int(status), "reason": reason, "message": message}}, int(status), headers or {}
