"""Build the CloudEvent that Eventarc sends for an announcement of the object store.

Event: https://cloud.google.com/eventarc/docs/reference/supported-events and google/events/cloud/storage/v1/data.proto
Headers: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
"""

from __future__ import annotations

import json
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

FINALIZED = "google.cloud.storage.object.v1.finalized"
LINKS = ("selfLink", "mediaLink")
UNCHANGED_IN_HEADERS = "".join(sorted(set(string.punctuation) - set('"%')))


@dataclass(frozen=True, slots=True)
class CloudEvent:
    """A CloudEvent in binary mode: its headers, and the object's resource as JSON."""

    id: str
    headers: dict[str, str]
    body: bytes


def cloud_event_from(event_id: str, resource: Mapping[str, Any]) -> CloudEvent:
    """Build the event of one upload.

    Args:
        event_id: the event's id, equal in all its deliveries.
        resource: the object's resource from the object store.

    Raises:
        ValueError: the resource is not an object's.
    """
    try:
        bucket, name, resource = resource["bucket"], resource["name"], _resource_from(dict(resource))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"The resource is not an object of Cloud Storage: {error!r} is missing or unknown.") from error
    headers = {
        "ce-id": event_id,
        "ce-source": f"//storage.googleapis.com/projects/_/buckets/{bucket}",
        "ce-specversion": "1.0",
        "ce-type": FINALIZED,
        "ce-subject": f"objects/{name}",
        "ce-time": resource["updated"],
        "ce-bucket": bucket,
    }
    encoded = {header: quote(value, safe=UNCHANGED_IN_HEADERS) for header, value in headers.items()}
    encoded |= {"content-type": "application/json", "traceparent": _new_trace()}
    return CloudEvent(event_id, encoded, json.dumps(resource).encode())


def _resource_from(notified: dict[str, Any]) -> dict[str, Any]:
    """Return the resource as in events: without links, 64-bit numbers as strings, times in UTC, the complete id."""
    generation = str(notified["generation"])
    created = _in_utc(notified.get("timeCreated"), generation)
    kept = {name: value for name, value in notified.items() if name not in LINKS}
    return {
        **kept,
        "kind": "storage#object",
        "id": f"{notified['bucket']}/{notified['name']}/{generation}",
        "generation": generation,
        "metageneration": str(notified.get("metageneration", 1)),
        "size": str(notified["size"]),
        "timeCreated": created,
        "updated": _in_utc(notified.get("updated"), generation),
        "timeStorageClassUpdated": created,
    }


def _in_utc(text: str | None, generation: str) -> str:
    """Return a time in RFC 3339 with Z; without one, the generation's (microseconds since 1970)."""
    time = datetime.fromisoformat(text) if text else datetime.fromtimestamp(int(generation) / 1e6, UTC)
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _new_trace() -> str:
    """Return the header that starts a sampled trace: https://www.w3.org/TR/trace-context/."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
