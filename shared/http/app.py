"""Set up a function's Flask app: health, guards, limits, and errors of one shape.

functions-framework would answer a crash with the exception's text, and a CloudEvent function every GET with 405.
"""

from __future__ import annotations

from http import HTTPStatus

from flask import Flask, Response, g, jsonify, request

from shared.errors import BucketlensError, Misconfigured
from shared.http.admission import Admission, admit_requests
from shared.http.cross_site import refuse_other_sites
from shared.http.read_body import DROPPING_S, drop_body
from shared.http.responses import error_response, log_refusal
from shared.logs import log
from shared.service import Service

DROPPING_AT_THE_DOOR_S = 1.0
"""The same for a request that was sent away before its turn: it holds a thread that probes may need."""


def set_up_app(app: Flask, service: Service) -> None:
    """Add what every function has: health routes, the guards before each request, and errors of one shape."""
    app.json.sort_keys = False  # type: ignore[attr-defined]  # an answer begins with the label
    app.config["MAX_CONTENT_LENGTH"] = service.settings.max_request_bytes
    app.add_url_rule("/v2/health/live", view_func=live_response, endpoint="live")
    app.add_url_rule("/v2/health/ready", view_func=lambda: ready_response(service), endpoint="ready")
    refuse_other_sites(app, service.settings.allowed_hosts)
    admit_requests(app, Admission(service.settings.threads, waiting=service.settings.threads))
    for family in (Exception, HTTPStatus.INTERNAL_SERVER_ERROR):
        app.register_error_handler(family, _handle)


def live_response() -> Response:
    """Say that the process runs."""
    return jsonify(live=True)


def ready_response(service: Service) -> tuple[Response, int]:
    """Say whether the process can classify; if it cannot yet, see to it."""
    service.prepare_in_background()
    is_ready = service.is_ready  # read once: another thread may make it ready between two looks
    return jsonify(ready=is_ready, live=True), 200 if is_ready else 503


def _handle(error: Exception) -> tuple[Response, int, dict[str, str]]:
    body, status, headers = error_response(error)
    seconds = DROPPING_S if g.get("has_its_turn") else DROPPING_AT_THE_DOOR_S
    if not drop_body(request, seconds) or status == HTTPStatus.REQUEST_TIMEOUT:
        headers = {**headers, "Connection": "close"}
    if isinstance(error, BucketlensError) and not isinstance(error, Misconfigured):
        log_refusal(error)
    elif status >= 500:
        log.error("unexpected error", exc_info=error, extra={"fields": {"outcome": "crashed"}})
    in_protocol_shape = g.get("error_shape")
    return jsonify(in_protocol_shape(body["error"]) if in_protocol_shape else body), status, headers
