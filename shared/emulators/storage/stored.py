"""A stored generation of an object, and its resource for clients.

Resource: https://cloud.google.com/storage/docs/json_api/v1/objects#resource
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from shared.emulators.storage.errors import ApiError
from shared.emulators.storage.names import ObjectName

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TEXT_FIELDS = (
    *("contentType", "contentEncoding", "contentDisposition", "contentLanguage"),
    *("cacheControl", "customTime", "storageClass"),
)
"""Fields that a client can set in addition to ``metadata``; all others are ignored."""

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of an object on disk."""

    file: str
    """The file's generated name: 32 hexadecimal digits."""
    size: int
    crc32c: str
    """Big-endian, base64, as Cloud Storage writes it."""
    md5: str | None
    """Base64; None for a composed object, as in Cloud Storage."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A generation of an object. Times and generations are microseconds since 1970."""

    target: ObjectName
    generation: int
    metageneration: int
    content: Content
    facts: Facts
    updated: int
    deleted: int | None = None
    """Time at which it was replaced or deleted; None while it is live."""
    components: int | None = None
    """Number of uploads that it was composed of."""

    def resource(self, url: str) -> dict[str, Any]:
        """Return the resource for clients; its media link names the generation, so that metadata and bytes agree.

        Args:
            url: URL of the object store in the client's request.
        """
        target, created = self.target, timestamp(self.generation)
        path = f"/storage/v1/b/{target.bucket}/o/{quote(target.name, safe='')}"
        optional = {
            "md5Hash": self.content.md5,
            "componentCount": self.components,
            "timeDeleted": None if self.deleted is None else timestamp(self.deleted),
        }
        return {
            "kind": "storage#object",
            "id": f"{target.bucket}/{target.name}/{self.generation}",
            "selfLink": url + path,
            "mediaLink": f"{url}/download{path}?generation={self.generation}&alt=media",
            "name": target.name,
            "bucket": target.bucket,
            "generation": str(self.generation),
            "metageneration": str(self.metageneration),
            "storageClass": "STANDARD",
            "size": str(self.content.size),
            "crc32c": self.content.crc32c,
            "etag": self.etag,
            "timeCreated": created,
            "updated": timestamp(self.updated),
            "timeStorageClassUpdated": created,
            "timeFinalized": created,
            **self.facts,
            **{name: value for name, value in optional.items() if value is not None},
        }

    @property
    def etag(self) -> str:
        """A value that changes with the bytes and with the metadata."""
        return base64.b64encode(f"{self.generation}/{self.metageneration}".encode()).decode()


def facts_from(document: object) -> Facts:
    """Return an object's known fields from a client's JSON object; 400 if a value has another type."""
    if not isinstance(document, Mapping):
        raise ApiError(400, "An object's metadata must be a JSON object.")
    facts: Facts = {name: document[name] for name in TEXT_FIELDS if document.get(name) is not None}
    if wrong := [name for name, value in facts.items() if not isinstance(value, str)]:
        raise ApiError(400, f"Invalid value for {wrong[0]}: expected a string.")
    custom = document.get("metadata")
    if custom is not None:
        if not isinstance(custom, Mapping):
            raise ApiError(400, "Invalid value for metadata: expected a JSON object.")
        facts["metadata"] = {str(key): str(value) for key, value in custom.items() if value is not None}
    return facts


def patched(facts: Facts, patch: object) -> Facts:
    """Return facts after a PATCH: it replaces fields, null removes one, and ``metadata`` is changed key by key."""
    new = facts_from(patch)
    if not isinstance(patch, Mapping):
        return facts
    removed = {name for name in (*TEXT_FIELDS, "metadata") if name in patch and patch[name] is None}
    result = {name: value for name, value in {**facts, **new}.items() if name not in removed}
    custom = patch.get("metadata")
    if isinstance(custom, Mapping):
        before = {key: value for key, value in facts.get("metadata", {}).items() if custom.get(key, value) is not None}
        result["metadata"] = {**before, **new["metadata"]}
    return result


def timestamp(microseconds: int) -> str:
    """Return a time in RFC 3339."""
    return (EPOCH + timedelta(microseconds=microseconds)).isoformat(timespec="microseconds").replace("+00:00", "Z")
