"""Buckets in memory. ``tests/emulators/contract/test_object_store_port.py`` holds them to what Cloud Storage does."""

from __future__ import annotations

import mimetypes
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from shared.errors import AlreadyDone, NameTaken, StorageRefused, Superseded, TooManyBytes
from shared.types import ObjectRef, Upload


@dataclass(frozen=True, slots=True)
class Generation:
    """One generation of an object."""

    upload: Upload
    content: bytes


@dataclass
class Bucket:
    """Objects by name: every generation that can still be read, oldest first, and the live one of each."""

    keeps_versions: bool
    generations: dict[str, dict[int, Generation]] = field(default_factory=dict)
    live: dict[str, int] = field(default_factory=dict)


class MemoryStore:
    """``ports.ObjectStore`` in memory. Thread-safe."""

    def __init__(self) -> None:
        self._buckets: dict[str, Bucket] = {}
        self._last = 0
        self._lock = threading.RLock()

    def create_bucket(self, name: str, *, keeps_versions: bool = False) -> None:
        """Create a bucket, unless it exists already."""
        with self._lock:
            self._buckets.setdefault(name, Bucket(keeps_versions))

    def put(
        self, bucket: str, name: str, content: bytes, content_type: str = "text/plain", model: str | None = None
    ) -> ObjectRef:
        """Write an object, over an existing one: what an uploader does, and the port does not.

        Raises:
            AlreadyDone: the bucket does not exist.
        """
        with self._lock:
            held = self._bucket(bucket)
            self._last = max(self._last + 1, time.time_ns() // 1000)
            ref = ObjectRef(bucket, name, self._last)
            if not held.keeps_versions:
                held.generations.pop(name, None)
            upload = Upload(ref, len(content), content_type, model)
            held.generations.setdefault(name, {})[ref.generation] = Generation(upload, content)
            held.live[name] = ref.generation
            return ref

    def upload(self, bucket: str, name: str, path: Path, model: str | None = None) -> ObjectRef | None:
        """See ``adapters.gcs.CloudStorage.upload``."""
        content_type = mimetypes.guess_type(path)[0] or "application/octet-stream"
        with self._lock:
            self._bucket(bucket)
            live, content = self._live(bucket, name), path.read_bytes()
            if live is None:
                return self.put(bucket, name, content, content_type, model)
            is_same = (live.content, live.upload.model) == (content, model)
            return live.upload.ref if is_same else None

    def read(self, ref: ObjectRef, max_bytes: int) -> bytes:
        """See ``ports.ObjectStore.read``."""
        with self._lock:
            generation = self._generation(ref)
        if len(generation.content) > max_bytes:
            raise TooManyBytes(f"The file has more than the limit of {max_bytes:,} bytes; upload a smaller one.")
        return generation.content

    def write_once(self, bucket: str, name: str, content: bytes, content_type: str) -> ObjectRef:
        """See ``ports.ObjectStore.write_once``."""
        with self._lock:
            return self._same(bucket, name, content) or self.put(bucket, name, content, content_type)

    def copy_once(self, ref: ObjectRef, bucket: str, name: str, model: str | None = None) -> ObjectRef:
        """See ``ports.ObjectStore.copy_once``."""
        with self._lock:
            source = self._generation(ref)
            upload = source.upload
            existing = self._same(bucket, name, source.content)
            return existing or self.put(bucket, name, source.content, upload.content_type, model or upload.model)

    def delete(self, ref: ObjectRef) -> None:
        """See ``ports.ObjectStore.delete``."""
        with self._lock:
            held = self._buckets.get(ref.bucket)
            if held is None or held.generations.get(ref.name, {}).pop(ref.generation, None) is None:
                return
            if held.live.get(ref.name) == ref.generation:
                del held.live[ref.name]

    def find(self, bucket: str, name: str) -> Upload:
        """See ``ports.ObjectStore.find``."""
        with self._lock:
            held = self._buckets.get(bucket)
            if held is None or name not in held.live:
                raise AlreadyDone(f"There is no object gs://{bucket}/{name}.")
            return held.generations[name][held.live[name]].upload

    def uploads(self, bucket: str, prefix: str = "", *, live_only: bool = False) -> Iterator[Upload]:
        """See ``ports.ObjectStore.uploads``."""
        with self._lock:
            held = self._bucket(bucket)
            names = sorted((name for name in held.generations if name.startswith(prefix)), key=str.encode)
            listed = [
                generation.upload
                for name in names
                for number, generation in held.generations[name].items()
                if not live_only or held.live.get(name) == number
            ]
        yield from listed

    def _bucket(self, name: str) -> Bucket:
        if name not in self._buckets:
            raise AlreadyDone(f"There is no bucket gs://{name}.")
        return self._buckets[name]

    def _live(self, bucket: str, name: str) -> Generation | None:
        held = self._buckets[bucket]
        return held.generations[name][held.live[name]] if name in held.live else None

    def _same(self, bucket: str, name: str, content: bytes) -> ObjectRef | None:
        """Return the live object of a name, if it has these bytes; None if there is none of that name."""
        if bucket not in self._buckets:
            raise StorageRefused(f"There is no bucket gs://{bucket}; create it.")
        live = self._live(bucket, name)
        if live is None:
            return None
        if live.content != content:
            raise NameTaken(f"gs://{bucket}/{name} has other bytes.")
        return live.upload.ref

    def _generation(self, ref: ObjectRef) -> Generation:
        held = self._buckets.get(ref.bucket)
        generation = held.generations.get(ref.name, {}).get(ref.generation) if held else None
        if generation:
            return generation
        if held and ref.name in held.live:
            raise Superseded(f"{ref} was overwritten before it was read.")
        raise AlreadyDone(f"{ref} is gone.")
