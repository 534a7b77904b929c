"""JSON answers: the shape of a prediction, the one shape of an error, and the health routes.

No answer carries an exception's text or a path of ours; only the sentences that ``errors`` keeps for people.
"""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus
from io import BytesIO
from typing import Any

from flask import Flask, Request, Response, jsonify, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from shared.errors import AlreadyDone, BadRequest, BucketlensError, Busy, Permanent, Transient
from shared.logs import log
from shared.service import Service
from shared.types import Prediction

DROPPED_AT_ONCE_BYTES = 64 * 1024


def prediction_answer(prediction: Prediction, *, recorded: bool) -> dict[str, Any]:
    """Return what a caller sees of a prediction."""
    said, image = prediction.classification, prediction.image
    return {
        "label": said.label,
        "score": said.score,
        "needs_review": said.needs_review,
        "candidates": [asdict(candidate) for candidate in said.candidates],
        "prediction_id": prediction.prediction_id,
        "recorded": recorded,
        "model": asdict(prediction.model),
        "image": {name: value for name, value in asdict(image).items() if value is not None},
        "times": {name: round(ms, 3) for name, ms in asdict(prediction.call.times).items() if ms is not None},
    }


def error_answer(error: Exception) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Return the body, status and headers that tell a caller of an error.

    The body is ``{"error": {"code": 415, "reason": "not_an_image", "message": "…"}}``: the HTTP status, a word for
    programs and a sentence for people.
    """
    match error:
        case Permanent():
            return _error(error.http_status, error.reason, str(error))
        case BadRequest():
            return _error(error.http_status, "bad_request", str(error))
        case AlreadyDone():
            return _error(404, "not_found", "There is no such object; check the bucket and the name.")
        case Transient():
            retry = {"Retry-After": str(error.retry_after_s)}
            message = f"The service cannot take this now; send it again in {error.retry_after_s} s."
            return _error(error.http_status, error.reason, message, retry)
        case HTTPException():
            status = HTTPStatus(error.code or 500)
            return _error(status, status.name.lower(), f"{status.phrase}: {status.description}.")
    return _error(500, "internal", "Something broke on our side; it was logged.")


def add_routes(app: Flask, service: Service) -> None:
    """Add what every function answers: health, and errors of one shape.

    functions-framework would answer a crash with the exception's text, and a CloudEvent function every GET with 405.
    """
    app.json.sort_keys = False  # type: ignore[attr-defined]  # an answer begins with the label
    app.config["MAX_CONTENT_LENGTH"] = service.settings.max_request_bytes
    app.add_url_rule("/v2/health/live", view_func=lambda: jsonify(live=True), endpoint="live")
    app.add_url_rule("/v2/health/ready", view_func=lambda: _ready(service), endpoint="ready")
    for family in (Exception, HTTPStatus.INTERNAL_SERVER_ERROR):
        app.register_error_handler(family, _handle)


def _ready(service: Service) -> tuple[Response, int]:
    service.prepare_in_background()
    return jsonify(ready=service.is_ready, live=True), 200 if service.is_ready else 503


def _handle(error: Exception) -> tuple[Response, int, dict[str, str]]:
    body, status, headers = error_answer(error)
    if isinstance(error, RequestEntityTooLarge):
        _forget_body(request)
        headers = {**headers, "Connection": "close"}
    if isinstance(error, Busy):
        _drop_body(request)
    if isinstance(error, Transient):
        log.warning(str(error), extra={"fields": {"outcome": "transient", "reason": type(error).__name__}})
    elif status >= 500:
        log.error("unexpected error", exc_info=error, extra={"fields": {"outcome": "crashed"}})
    elif isinstance(error, BucketlensError):
        log.info(f"refused: {error}", extra={"fields": {"outcome": "refused", "reason": body["error"]["reason"]}})
    return jsonify(body), status, headers


def _forget_body(request: Request) -> None:
    """Let nobody read a body that is too large: functions-framework reads it all before it answers."""
    request.__dict__.pop("stream", None)
    request.environ |= {"wsgi.input": BytesIO(), "CONTENT_LENGTH": "0"}


def _drop_body(request: Request) -> None:
    """Read what is left of a body without keeping it: there was no room for it, and functions-framework would."""
    while request.stream.read(DROPPED_AT_ONCE_BYTES):
        pass
    _forget_body(request)


def _error(
    status: int, reason: str, message: str, headers: dict[str, str] | None = None
) -> tuple[dict[str, Any], int, dict[str, str]]:
    return {"error": {"code": int(status), "reason": reason, "message": message}}, int(status), headers or {}
