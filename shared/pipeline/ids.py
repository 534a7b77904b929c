"""Deterministic ids of uploads, predictions and labels: repeated work gives the same ids."""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass
from datetime import datetime

from shared.types import ObjectRef


@dataclass(frozen=True, slots=True)
class ImageIds:
    """The ids of one image, for every model that classifies it."""

    key: tuple[str | int, ...]
    """The values that distinguish this upload from all others."""
    uploaded_at: datetime
    """Aware, UTC. Its date is the partition, so it must be the same in every copy of a row."""

    @classmethod
    def of_object(cls, ref: ObjectRef) -> ImageIds:
        """Make the ids of an object from its bucket, name and generation."""
        return cls((ref.bucket, ref.name, ref.generation), ref.created_at)

    @classmethod
    def of_request(
        cls, idempotency_key: str | None, caller: str | None, index: int, sha256: str, received_at: datetime
    ) -> ImageIds:
        """Make the ids of an image in a request from the caller's key, the image's index and its bytes.

        Without a key each request is a new upload. Another picture under a used key is another upload, so a client
        that reuses a key loses nothing. A repeat after midnight UTC gets the partition of the next day.
        """
        key = idempotency_key or str(uuid.uuid4())
        return cls(("request", caller or "", key, index, sha256), received_at)

    @property
    def upload_id(self) -> str:
        """The sha256 of the JSON array of the key, 64 hex digits; also a failed upload's ``failure_id``."""
        return _digest(self.key)

    def prediction_id(self, model_digest: str) -> str:
        """Return the sha256 of the JSON array of the key and the model's digest, 64 hex digits."""
        return _digest((*self.key, model_digest))


def label_id_of(idempotency_key: str, caller: str | None, prediction_id: str, label: str, note: str | None) -> str:
    """Return the id of a label that was sent with an idempotency key, 64 hex digits."""
    return _digest(("label", caller or "", idempotency_key, prediction_id, label, note or ""))


def _digest(parts: tuple[str | int, ...]) -> str:
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()
