"""Texts that imitate something else: SQL, log lines, headers, paths."""

from __future__ import annotations

import json

SQL = "'); DROP TABLE predictions;--.jpg"
LOG_LINE = '\n{"severity":"EMERGENCY","message":"all is lost"}'
HEADER = "a.jpg\r\nSet-Cookie: session=stolen"
LONGEST_NAME = "/".join(["n" * 127] * 8)
"""1,023 bytes in pieces that a file system accepts; one more makes 1,024."""

METADATA_SERVER = "http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token"


def nested(depth: int) -> bytes:
    """Return JSON of ``depth`` nested lists."""
    return b"[" * depth + b"]" * depth


def instances(*images: object) -> bytes:
    """Return a body for ``:predict``."""
    return json.dumps({"instances": list(images)}).encode()


def tensor(**changed: object) -> bytes:
    """Return a body for ``/infer`` whose tensor has a fault."""
    right = {"name": "image", "shape": [1], "datatype": "BYTES", "data": ["AAAA"]}
    return json.dumps({"inputs": [right | changed]}).encode()


def form(filename: bytes, content: bytes, files: int = 1) -> bytes:
    """Return a multipart body with one file, or the same one several times; the boundary is ``x``."""
    head = b'--x\r\nContent-Disposition: form-data; name="image"; filename="' + filename + b'"\r\n\r\n'
    return (head + content + b"\r\n") * files + b"--x--\r\n"


def http(first: str, *headers: str, body: bytes = b"") -> bytes:
    """Return a request in its form on the wire."""
    return "\r\n".join((first, "Host: bucketlens", *headers, "", "")).encode("latin-1") + body
