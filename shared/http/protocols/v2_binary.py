"""The binary tensor data extension: JSON at the body's beginning, and after it the tensors' bytes, in order.

https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

from __future__ import annotations

from typing import Any

from flask import Response, current_app, jsonify

from shared.errors import BadRequest
from shared.http.protocols.tensors import to_binary
from shared.http.request_context import RequestContext
from shared.http.route import ANYTHING

HEADER = "Inference-Header-Content-Length"


def received(context: RequestContext) -> tuple[dict[str, Any], memoryview]:
    """Return a request's JSON and what follows it, which is empty unless the header says where it begins.

    Raises:
        BadRequest: the header is no number, or larger than the body; or as ``RequestContext.document``.
    """
    header = context.request.headers.get(HEADER)
    if header is None:
        return context.body.document(), memoryview(b"")
    if not (header.isascii() and header.isdigit() and len(header) < 12):
        raise BadRequest(f"{HEADER} is {header[:40]!r}, expected a number of bytes.")
    content = memoryview(context.body.file())
    length = int(header)
    if length > len(content):
        raise BadRequest(f"{HEADER} is {length:,}, but the body has {len(content):,} bytes.")
    return context.body.parse(bytes(content[:length])), content[length:]


def response(head: dict[str, Any]) -> Response:
    """Return an answer; outputs that have ``binary`` instead of ``data`` follow the JSON in binary."""
    tails = []
    for output in head["outputs"]:
        if "binary" in output:
            tail = to_binary(output.pop("binary"))
            output["parameters"] = {**output.get("parameters", {}), "binary_data_size": len(tail)}
            tails.append(tail)
    if not tails:
        return jsonify(head)
    json = current_app.json.dumps(head).encode()
    return Response(b"".join([json, *tails]), content_type=ANYTHING, headers={HEADER: str(len(json))})
