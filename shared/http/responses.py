"""JSON answers: the shape of a prediction, the one shape of an error, and the health routes.

No answer carries an exception's text or a path of ours; only the sentences that ``errors`` keeps for people.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from werkzeug.exceptions import HTTPException, MethodNotAllowed

from shared.errors import AlreadyDone, BadRequest, BucketlensError, Permanent, Transient
from shared.logs import log
from shared.types import Prediction, fields_of


def prediction_response(prediction: Prediction, *, recorded: bool, label_token: str | None = None) -> dict[str, Any]:
    """Return what a caller sees of a prediction; with a ``label_token``, where there is one, it can be labelled."""
    said, image = prediction.classification, prediction.image
    return {
        "label": said.label,
        "score": said.score,
        "needs_review": said.needs_review,
        "candidates": [fields_of(candidate) for candidate in said.candidates],
        "prediction_id": prediction.prediction_id,
        **({"label_token": label_token} if label_token and recorded else {}),
        "recorded": recorded,
        "model": fields_of(prediction.model),
        "image": {name: value for name, value in fields_of(image).items() if value is not None},
        "times": {name: round(ms, 3) for name, ms in fields_of(prediction.call.times).items() if ms is not None},
    }


def error_response(error: Exception) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Return the body, status and headers that tell a caller of an error.

    The body is ``{"error": {"code": 415, "reason": "not_an_image", "message": "…"}}``: the HTTP status, a word for
    programs and a sentence for people.
    """
    match error:
        case Permanent():
            return _error(error.http_status, error.reason, str(error))
        case BadRequest():
            return _error(error.http_status, error.reason, str(error))
        case AlreadyDone():
            return _error(404, "not_found", "There is no such object; check the bucket and the name.")
        case Transient():
            retry = {"Retry-After": str(error.retry_after_s)}
            message = f"The service cannot take this now; send it again in {error.retry_after_s} s."
            return _error(error.http_status, error.reason, message, retry)
        case HTTPException():
            status = HTTPStatus(error.code or 500)
            allow = error.valid_methods if isinstance(error, MethodNotAllowed) else None
            headers = {"Allow": ", ".join(sorted(allow))} if allow else {}
            return _error(status, status.name.lower(), f"{status.phrase}: {status.description}.", headers)
    return _error(500, "internal", "Something broke on our side; it was logged.")


def log_refusal(error: BucketlensError) -> None:
    """Write the one line that a refused request, or a refused image of one, leaves."""
    if isinstance(error, Transient):
        log.warning(str(error), extra={"fields": {"outcome": "transient", "reason": type(error).__name__}})
    else:
        reason = error_response(error)[0]["error"]["reason"]
        log.info(f"refused: {error}", extra={"fields": {"outcome": "refused", "reason": reason}})


def _error(
    status: int, reason: str, message: str, headers: dict[str, str] | None = None
) -> tuple[dict[str, Any], int, dict[str, str]]:
    return {"error": {"code": int(status), "reason": reason, "message": message}}, int(status), headers or {}
