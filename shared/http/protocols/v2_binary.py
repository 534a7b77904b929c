"""The binary tensor data extension: the body begins with JSON, and the tensors' bytes follow, in order.

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


def read_request(context: RequestContext) -> tuple[dict[str, Any], memoryview]:
    """Return a request's JSON and the bytes after it; without the header the whole body is JSON.

    Raises:
        BadRequest: the header is not a number or exceeds the body; or as ``RequestBody.document``.
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
    """Return an answer; the tensors of outputs with ``binary`` instead of ``data`` follow the JSON."""
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
