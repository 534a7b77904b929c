"""What is known of one generation of an object, and the resource that clients are shown of it.

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
TEXTS = (
    *("contentType", "contentEncoding", "contentDisposition", "contentLanguage"),
    *("cacheControl", "customTime", "storageClass"),
)
"""What a client may say of an object, beside ``metadata``; everything else that it sends is left out."""

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes on disk."""

    file: str
    """A name of our own making, 32 hexadecimal digits."""
    size: int
    crc32c: str
    """Big-endian, base64, as Cloud Storage writes it."""
    md5: str | None
    """Base64; None for what was composed, as in Cloud Storage."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One generation of an object. Times are microseconds since 1970, as generations are."""

    target: ObjectName
    generation: int
    metageneration: int
    content: Content
    facts: Facts
    updated: int
    deleted: int | None = None
    """When it was replaced or deleted; None while it is live."""
    components: int | None = None
    """How many uploads it was composed of."""

    def resource(self, url: str) -> dict[str, Any]:
        """Return what clients are shown. Its media link names the generation, so that metadata and bytes agree.

        Args:
            url: of the object store, as the client knows it.
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
        """What changes with the bytes and with the metadata."""
        return base64.b64encode(f"{self.generation}/{self.metageneration}".encode()).decode()


def facts_from(said: object) -> Facts:
    """Return what a client says of an object, of the known names alone; 400 where a value is of another type."""
    if not isinstance(said, Mapping):
        raise ApiError(400, "An object's metadata must be a JSON object.")
    facts: Facts = {name: said[name] for name in TEXTS if said.get(name) is not None}
    if wrong := [name for name, value in facts.items() if not isinstance(value, str)]:
        raise ApiError(400, f"Invalid value for {wrong[0]}: it takes a string.")
    own = said.get("metadata")
    if own is not None:
        if not isinstance(own, Mapping):
            raise ApiError(400, "Invalid value for metadata: it takes a JSON object.")
        facts["metadata"] = {str(key): str(value) for key, value in own.items() if value is not None}
    return facts


def changed(facts: Facts, said: object) -> Facts:
    """Return facts after a PATCH: what it names is replaced, null removes, and ``metadata`` is changed key by key."""
    news = facts_from(said)
    if not isinstance(said, Mapping):
        return facts
    gone = {name for name in (*TEXTS, "metadata") if name in said and said[name] is None}
    result = {name: value for name, value in {**facts, **news}.items() if name not in gone}
    own = said.get("metadata")
    if isinstance(own, Mapping):
        before = {key: value for key, value in facts.get("metadata", {}).items() if own.get(key, value) is not None}
        result["metadata"] = {**before, **news["metadata"]}
    return result


def timestamp(microseconds: int) -> str:
    """Return a time in RFC 3339."""
    return (EPOCH + timedelta(microseconds=microseconds)).isoformat(timespec="microseconds").replace("+00:00", "Z")
