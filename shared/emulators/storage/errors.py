"""Errors in the format of Google's JSON API, so that clients raise the same exceptions as in production.

An unsupported request gets a 400: gcloud retries a 501 for 16 seconds, and the libraries a 500 for two minutes.
Format and reasons: https://cloud.google.com/storage/docs/json_api/v1/status-codes
"""

from __future__ import annotations

from aiohttp import web

REASONS = {
    304: "notModified",
    400: "invalid",
    401: "authError",
    403: "forbidden",
    404: "notFound",
    408: "uploadBrokenConnection",
    409: "conflict",
    412: "conditionNotMet",
    413: "uploadTooLarge",
    416: "requestedRangeNotSatisfiable",
    429: "rateLimitExceeded",
    503: "backendError",
    504: "gatewayTimeout",
}
USAGE_REASONS = ("rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded")
"""Reasons of the domain ``usageLimits``."""


class ApiError(Exception):
    """An error answer to a request, with its HTTP status and a sentence for the client."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def error_answer(status: int, message: str, reason: str | None = None) -> web.Response:
    """Return an error in the format of the JSON API; 304 has no body, and 502 is an HTML page of the front end."""
    if status == 304:
        return web.Response(status=304)
    if status == 502:
        return web.Response(
            status=502, text=f"<html><title>Error 502</title>{message}</html>", content_type="text/html"
        )
    reason = reason or REASONS.get(status, "internalError")
    domain = "usageLimits" if reason in USAGE_REASONS else "global"
    fault = {"domain": domain, "reason": reason, "message": message}
    if status == 412:
        fault |= {"locationType": "header", "location": "If-Match"}
    return web.json_response({"error": {"code": status, "message": message, "errors": [fault]}}, status=status)
