"""JSON answers: the shape of a prediction, the one shape of an error, and the health routes.

No answer carries an exception's text or a path of ours; only the sentences that ``errors`` keeps for people.
"""

from __future__ import annotations

from http import HTTPStatus
from io import BytesIO
from typing import Any

from flask import Flask, Request, Response, g, jsonify, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from shared.errors import AlreadyDone, BadRequest, BucketlensError, Misconfigured, Permanent, Transient
from shared.http.admission import Admission, admit_requests
from shared.http.cross_site import refuse_other_sites
from shared.http.request_body import in_time
from shared.logs import log
from shared.service import Service
from shared.types import Prediction, fields_of

DROPPED_AT_ONCE_BYTES = 64 * 1024
DROPPING_S = 10.0
"""An unread body is thrown away so much at a time, for so long: who gets the answer while he still sends is cut off."""

DROPPING_AT_THE_DOOR_S = 1.0
"""The same for a request that was sent away before its turn: it holds a thread that probes may need."""


def prediction_answer(prediction: Prediction, *, recorded: bool, label_token: str | None = None) -> dict[str, Any]:
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


def error_answer(error: Exception) -> tuple[dict[str, Any], int, dict[str, str]]:
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


def add_routes(app: Flask, service: Service) -> None:
    """Add what every function answers: health, and errors of one shape.

    functions-framework would answer a crash with the exception's text, and a CloudEvent function every GET with 405.
    """
    app.json.sort_keys = False  # type: ignore[attr-defined]  # an answer begins with the label
    app.config["MAX_CONTENT_LENGTH"] = service.settings.max_request_bytes
    app.add_url_rule("/v2/health/live", view_func=live_answer, endpoint="live")
    app.add_url_rule("/v2/health/ready", view_func=lambda: ready_answer(service), endpoint="ready")
    refuse_other_sites(app, service.settings.allowed_hosts)
    admit_requests(app, Admission(service.settings.threads, waiting=service.settings.threads))
    for family in (Exception, HTTPStatus.INTERNAL_SERVER_ERROR):
        app.register_error_handler(family, _handle)


def live_answer() -> Response:
    """Say that the process runs."""
    return jsonify(live=True)


def ready_answer(service: Service) -> tuple[Response, int]:
    """Say whether the process can classify; if it cannot yet, see to it."""
    service.prepare_in_background()
    is_ready = service.is_ready  # read once: another thread may make it ready between two looks
    return jsonify(ready=is_ready, live=True), 200 if is_ready else 503


def drop_body(request: Request, seconds: float = DROPPING_S) -> bool:
    """Read what is left of a body without keeping it: functions-framework would, after each answer, and keep it.

    Returns:
        Whether the connection can be used again: not where the body is too large to be read, or did not come in time.
    """
    if not request.content_length and "Transfer-Encoding" not in request.headers:
        return True
    try:
        if getattr(request.stream, "is_exhausted", False):
            return True
        with in_time(request, seconds):
            while request.stream.read(DROPPED_AT_ONCE_BYTES):
                pass
    except (HTTPException, BadRequest):
        return False
    finally:
        request.__dict__.pop("stream", None)
        request.environ |= {"wsgi.input": BytesIO(), "CONTENT_LENGTH": "0"}
    return True


def log_refusal(error: BucketlensError) -> None:
    """Write the one line that a refused request, or a refused image of one, leaves."""
    if isinstance(error, Transient):
        log.warning(str(error), extra={"fields": {"outcome": "transient", "reason": type(error).__name__}})
    else:
        reason = error_answer(error)[0]["error"]["reason"]
        log.info(f"refused: {error}", extra={"fields": {"outcome": "refused", "reason": reason}})


def _handle(error: Exception) -> tuple[Response, int, dict[str, str]]:
    body, status, headers = error_answer(error)
    seconds = DROPPING_S if g.get("has_its_turn") else DROPPING_AT_THE_DOOR_S
    if not drop_body(request, seconds) or status == HTTPStatus.REQUEST_TIMEOUT:
        headers = {**headers, "Connection": "close"}
    if isinstance(error, BucketlensError) and not isinstance(error, Misconfigured):
        log_refusal(error)
    elif status >= 500:
        log.error("unexpected error", exc_info=error, extra={"fields": {"outcome": "crashed"}})
    in_the_dialects_shape = g.get("error_shape")
    return jsonify(in_the_dialects_shape(body["error"]) if in_the_dialects_shape else body), status, headers


def _error(
    status: int, reason: str, message: str, headers: dict[str, str] | None = None
) -> tuple[dict[str, Any], int, dict[str, str]]:
    return {"error": {"code": int(status), "reason": reason, "message": message}}, int(status), headers or {}
