"""Requests as bytes, an image as each server's own documentation has a client send it, and the label in the answer."""

from __future__ import annotations

import base64
import json
from typing import Any

HOST = "127.0.0.1"
BOUNDARY = "a-picture-follows"


def raw(path: str, content: bytes, content_type: str) -> bytes:
    """The file is the body: ``curl --data-binary @photo.jpg``."""
    return _post(path, content_type, content)


def form(path: str, content: bytes, content_type: str) -> bytes:
    """The file is the field ``image`` of a form: ``curl -F image=@photo.jpg``."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="photo"\r\n'
    body = f"{head}Content-Type: {content_type}\r\n\r\n".encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()
    return _post(path, f"multipart/form-data; boundary={BOUNDARY}", body)


def base64_json(path: str, content: bytes, content_type: str) -> bytes:
    """``{"image_data": "…"}``."""
    return _post(path, "application/json", json.dumps({"image_data": base64.b64encode(content).decode()}).encode())


def tensor(path: str, content: bytes, content_type: str) -> bytes:
    """Base64 in a BYTES tensor of the Open Inference Protocol."""
    data = base64.b64encode(content).decode()
    values: dict[str, Any] = {"name": "image", "shape": [1], "datatype": "BYTES", "data": [data]}
    values["parameters"] = {"content_type": "base64"}
    return _post(path, "application/json", json.dumps({"inputs": [values]}).encode())


def answer_in(body: bytes) -> tuple[str, float]:
    """Return the label and the score that any of the contestants answered."""
    document: dict[str, Any] = json.loads(body)
    if "outputs" in document:
        named = {output["name"]: output["data"][0] for output in document["outputs"]}
        return str(named["label"]), float(named["score"])
    return str(document["label"]), float(document["score"])


def _post(path: str, content_type: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
