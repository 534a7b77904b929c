"""The event of an upload, as Cloud Storage sends it to the function."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from shared.types import Upload


def headers(**changes: str) -> dict[str, str]:
    return {
        "ce-id": "1234",
        "ce-source": "//storage.googleapis.com/projects/_/buckets/b",
        "ce-specversion": "1.0",
        "ce-type": "google.cloud.storage.object.v1.finalized",
        "ce-time": datetime.now(UTC).isoformat(),
        "content-type": "application/json",
        "traceparent": f"00-{'a' * 32}-{'b' * 16}-01",
        **changes,
    }


def data(upload: Upload) -> dict[str, Any]:
    """Return an object's metadata as in an event; int64 is a string in protobuf's JSON."""
    ref = upload.ref
    return {
        "kind": "storage#object",
        "bucket": ref.bucket,
        "name": ref.name,
        "generation": str(ref.generation),
        "size": str(upload.size_bytes),
        "contentType": upload.content_type,
    }
