"""Read the caller and the trace from request headers; never keep a token or an address.

The setting ``CALLERS`` names the check in front of the service: IAM, whose token ``caller_from`` reads;
Identity-Aware Proxy, whose assertion ``adapters.iap`` verifies; or none, and then any client can write any header.
"""

from __future__ import annotations

import base64
import binascii
import json
import re

from werkzeug.datastructures import Headers

TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
CLOUD_TRACE = re.compile(r"([0-9a-f]{32})(?:/\d+)?(?:;o=\d)?")


def caller_from(headers: Headers) -> str | None:
    """Return the e-mail or subject of the identity token that Cloud Run has checked; None without a token.

    The token's signature is not checked again: Cloud Run refuses requests with an invalid token, and replaces the
    signature before it forwards them (https://cloud.google.com/run/docs/authenticating/service-to-service). Call this
    only where the platform refuses every request without a valid token.
    """
    for header in ("X-Serverless-Authorization", "Authorization"):
        scheme, _, token = headers.get(header, "").partition(" ")
        parts = token.split(".")
        if scheme.lower() == "bearer" and len(parts) == 3:
            try:
                claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
                caller = claims.get("email") or claims.get("sub")
            except (binascii.Error, ValueError, AttributeError, RecursionError):
                continue
            return str(caller) if caller else None
    return None


def trace_from(headers: Headers, project: str) -> str | None:
    """Return the trace as Cloud Logging names it, from a W3C ``traceparent`` or ``X-Cloud-Trace-Context`` header."""
    match = TRACEPARENT.fullmatch(headers.get("traceparent", ""))
    match = match or CLOUD_TRACE.fullmatch(headers.get("X-Cloud-Trace-Context", ""))
    return f"projects/{project}/traces/{match[1]}" if match else None
