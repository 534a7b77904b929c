"""Set up a function's Flask app: health routes, guards, limits, and errors of one shape.

Without this, functions-framework answers a crash with the exception's text, and a CloudEvent function answers every
GET, also a health probe, with 405.
"""

from __future__ import annotations

from http import HTTPStatus

from flask import Flask, Response, g, jsonify, request

from shared.errors import BucketlensError, Misconfigured
from shared.http.admission import Admission, admit_requests
from shared.http.cross_site import refuse_other_sites
from shared.http.read_body import DRAIN_S, drain_body
from shared.http.responses import error_response, log_refusal
from shared.logs import log
from shared.service import Service

REFUSED_DRAIN_S = 1.0
"""``DRAIN_S`` for a request that was refused before it had a slot; shorter: it holds a thread that probes may need."""


def set_up_app(app: Flask, service: Service) -> None:
    """Add to an app what every function has: health routes, the guards before each request, and errors of one shape."""
    app.json.sort_keys = False  # type: ignore[attr-defined]  # an answer begins with the label, which sorting would move
    app.config["MAX_CONTENT_LENGTH"] = service.settings.max_request_bytes
    app.add_url_rule("/v2/health/live", view_func=live_response, endpoint="live")
    app.add_url_rule("/v2/health/ready", view_func=lambda: ready_response(service), endpoint="ready")
    refuse_other_sites(app, service.settings.allowed_hosts)
    admit_requests(app, Admission(service.settings.threads, waiting=service.settings.threads))
    for family in (Exception, HTTPStatus.INTERNAL_SERVER_ERROR):
        app.register_error_handler(family, _handle)


def live_response() -> Response:
    """Return the answer of the liveness probe: the process runs."""
    return jsonify(live=True)


def ready_response(service: Service) -> tuple[Response, int]:
    """Return whether the process can classify, with 200 or 503; start to build the pipeline if it cannot."""
    service.prepare_in_background()
    is_ready = service.is_ready  # read once: another thread may change it between two reads
    return jsonify(ready=is_ready, live=True), 200 if is_ready else 503


def _handle(error: Exception) -> tuple[Response, int, dict[str, str]]:
    body, status, headers = error_response(error)
    seconds = DRAIN_S if g.get("has_slot") else REFUSED_DRAIN_S
    if not drain_body(request, seconds) or status == HTTPStatus.REQUEST_TIMEOUT:
        headers = {**headers, "Connection": "close"}
    if isinstance(error, BucketlensError) and not isinstance(error, Misconfigured):
        log_refusal(error)
    elif status >= 500:
        log.error("unexpected error", exc_info=error, extra={"fields": {"outcome": "crashed"}})
    in_protocol_shape = g.get("error_shape")
    return jsonify(in_protocol_shape(body["error"]) if in_protocol_shape else body), status, headers
