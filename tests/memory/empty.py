"""A store and a warehouse that keep nothing: fuzzing tests parsing, which comes before they are called."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from shared.errors import AlreadyDone
from shared.types import Correction, ObjectRef, Recorded, Upload


class EmptyStore:
    """A store that accepts every object, and has none."""

    def read(self, ref: ObjectRef, max_bytes: int) -> bytes:
        raise AlreadyDone(str(ref))

    def write_once(self, bucket: str, name: str, content: bytes, content_type: str) -> ObjectRef:
        return ObjectRef(bucket, name, 1)

    def copy_once(self, ref: ObjectRef, bucket: str, name: str, model: str | None = None) -> ObjectRef:
        return ObjectRef(bucket, name, 1)

    def delete(self, ref: ObjectRef) -> None:
        return None

    def find(self, bucket: str, name: str) -> Upload:
        raise AlreadyDone(f"gs://{bucket}/{name}")

    def uploads(self, bucket: str, prefix: str = "", *, live_only: bool = False) -> Iterable[Upload]:
        return ()


class EmptyWarehouse:
    """A warehouse that accepts every row, and returns none."""

    rows: list[dict[str, Any]] = []  # noqa: RUF012 - no code writes it

    def append(self, outcome: Recorded | Correction) -> None:
        return None

    def query(self, sql: str, **parameters: Sequence[str]) -> EmptyWarehouse:
        return self
