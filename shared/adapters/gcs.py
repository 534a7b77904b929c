"""The object store on Cloud Storage: every read, copy and delete is pinned to a generation."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from traceback import clear_frames
from typing import Any

from google.api_core import exceptions as api
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage  # type: ignore[attr-defined]  # it ships no types
from google.cloud.exceptions import NotFound

from shared.adapters.checksum import Sum, crc32c
from shared.adapters.gcs_errors import naming, translated
from shared.adapters.retry import Patience, is_passing, read_environment_once
from shared.adapters.wording import said
from shared.errors import (
    AlreadyDone,
    NameTaken,
    StorageRefused,
    StorageUnavailable,
    Superseded,
    TooManyBytes,
)
from shared.images.content_encoding import unpacked
from shared.types import METADATA_KEY, ObjectRef, Upload

SERVICE = "https://storage.googleapis.com"


class CloudStorage:
    """``ports.ObjectStore`` on the real client. Thread-safe.

    Args:
        project: the project that pays for the calls.
        deadline_s: every call ends within this many seconds, retries included.
        endpoint: of a local object store, which asks for no credentials; None for Cloud Storage itself.
    """

    def __init__(self, project: str, deadline_s: float, *, endpoint: str | None = None) -> None:
        # Or the client asks for each bucket's metadata by itself, in a thread, for traces that nobody takes.
        os.environ.setdefault("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
        credentials = AnonymousCredentials() if endpoint else None  # type: ignore[no-untyped-call]
        options = {"api_endpoint": endpoint} if endpoint else None
        self._client = storage.Client(project=project, credentials=credentials, client_options=options)
        read_environment_once(self._client._http, endpoint or SERVICE)
        self._patience = Patience(self._client._http, deadline_s, is_passing)

    def read(self, ref: ObjectRef, max_bytes: int) -> bytes:
        """See ``ports.ObjectStore.read``. Bytes come as they are stored, so that nobody unpacks them before us."""
        blob = self._client.bucket(ref.bucket).blob(ref.name, generation=ref.generation)
        content = _Capped(max_bytes)
        with self._patience.call() as patiently:
            try:
                with translated(f"reading {ref}", of_object=True):
                    # The client does not check what it reads on after a broken connection, so we check the whole.
                    blob.download_to_file(content, raw_download=True, checksum=None, **patiently)
            except AlreadyDone as gone:
                if self._has_another_generation(ref):
                    raise Superseded(f"{ref} was overwritten before it was read.") from gone
                raise
        if blob.crc32c and crc32c(content.getvalue()) != blob.crc32c:
            raise StorageUnavailable(f"{ref} arrived damaged: its bytes do not have the checksum {blob.crc32c}.")
        return unpacked(content.getvalue(), blob.content_encoding, max_bytes)

    def write_once(self, bucket: str, name: str, content: bytes, content_type: str) -> ObjectRef:
        """See ``ports.ObjectStore.write_once``."""
        blob = self._client.bucket(bucket).blob(name)
        with self._call(f"writing gs://{bucket}/{name}") as patiently:
            try:
                blob.upload_from_string(content, content_type, if_generation_match=0, **patiently)
            except NotFound as error:  # not the upload is gone, but the bucket is missing
                raise StorageRefused(f"There is no bucket gs://{bucket}; create it.") from error
            except api.PreconditionFailed as error:
                clear_frames(error.__traceback__)  # they hold the file's bytes in a cycle, until they are collected
                return self._same(blob, Sum(len(content), crc32c(content)), error, patiently)
        return ObjectRef(bucket, name, int(blob.generation))

    def upload(self, bucket: str, name: str, path: Path, model: str | None = None) -> ObjectRef | None:
        """Upload a file create-only; None if another object has the name, which is left as it is.

        One with the same bytes, for the same model, is this upload: the answer to it may have been lost.

        Args:
            bucket: where to.
            name: of the object.
            path: of the file.
            model: that the object is for; None leaves that to its name.

        Raises:
            AlreadyDone: there is no such bucket.
            BadRequest: no object can have that name.
            StorageUnavailable: no answer within the deadline.
        """
        blob = self._client.bucket(bucket).blob(name)
        if model is not None:
            blob.metadata = {METADATA_KEY: model}
        with naming(name), self._call(f"uploading {path.name} to gs://{bucket}") as patiently:
            for is_last in (False, True):
                try:
                    blob.upload_from_filename(str(path), if_generation_match=0, **patiently)
                    break
                except api.PreconditionFailed as error:
                    try:
                        found = self._same(blob, Sum.of_file(path), error, patiently)
                    except NameTaken:
                        return None
                    except StorageRefused:
                        if is_last:
                            raise
                        continue  # an upload had the name, and was done with before it was looked at
                    return found if (blob.metadata or {}).get(METADATA_KEY) == model else None
        return ObjectRef(bucket, name, int(blob.generation))

    def copy_once(self, ref: ObjectRef, bucket: str, name: str, model: str | None = None) -> ObjectRef:
        """See ``ports.ObjectStore.copy_once``; copies inside Cloud Storage, whatever the size."""
        source = self._client.bucket(ref.bucket).blob(ref.name, generation=ref.generation)
        copy = self._client.bucket(bucket).blob(name)
        what = f"copying {ref} to gs://{bucket}/{name}"
        with translated(what, of_object=True), self._patience.call() as patiently:
            try:
                if model is not None:
                    source.reload(**patiently)
                    _describe(copy, source, model)
                token, _, _ = copy.rewrite(source, if_generation_match=0, **patiently)
                while token is not None:
                    token, _, _ = copy.rewrite(source, token=token, if_generation_match=0, **patiently)
            except NotFound as error:
                if source.exists(**patiently):
                    raise StorageRefused(f"There is no bucket gs://{bucket}; create it.") from error
                raise
            except api.PreconditionFailed as error:
                source.reload(**patiently)
                return self._same(copy, Sum(int(source.size or 0), source.crc32c), error, patiently)
            return ObjectRef(bucket, name, int(copy.generation))

    def delete(self, ref: ObjectRef) -> None:
        """See ``ports.ObjectStore.delete``."""
        blob = self._client.bucket(ref.bucket).blob(ref.name, generation=ref.generation)
        with suppress(AlreadyDone), self._call(f"deleting {ref}") as patiently:
            blob.delete(**patiently)  # a precondition would be on the live generation, even where ``ref`` is an old one

    def find(self, bucket: str, name: str) -> Upload:
        """See ``ports.ObjectStore.find``."""
        with translated(f"looking for gs://{bucket}/{name}", of_object=True), self._patience.call() as patiently:
            blob = self._client.bucket(bucket).get_blob(name, **patiently)
        if blob is None:
            raise AlreadyDone(f"There is no object gs://{bucket}/{name}.")
        return _upload_from(blob)

    def uploads(self, bucket: str, prefix: str = "", *, live_only: bool = False) -> Iterator[Upload]:
        """See ``ports.ObjectStore.uploads``."""
        options: dict[str, Any] = {"versions": not live_only or None, **self._patience.options}
        pages = self._client.list_blobs(bucket, prefix=prefix or None, **options).pages
        while True:
            # Left before each yield: the deadline is this page's, and not of what the caller does in between.
            with self._call(f"listing gs://{bucket}/{prefix}"):
                page = next(pages, None)
            if page is None:
                return
            yield from map(_upload_from, page)

    def create_bucket(self, name: str, *, keeps_versions: bool = False) -> None:
        """Create a bucket, unless it is there already. For local clouds: in production Terraform makes them.

        Args:
            name: of the bucket.
            keeps_versions: whether what is overwritten in it can still be read by its generation.
        """
        bucket = self._client.bucket(name)
        with self._call(f"creating gs://{name}") as patiently:
            with suppress(api.Conflict):
                self._client.create_bucket(bucket, **patiently)
            if keeps_versions:
                bucket.versioning_enabled = True
                bucket.patch(**patiently)

    @contextmanager
    def _call(self, what: str) -> Iterator[dict[str, Any]]:
        with translated(what), self._patience.call() as patiently:
            yield patiently

    def _same(
        self, blob: storage.Blob, expected: Sum, refusal: api.PreconditionFailed, patiently: dict[str, Any]
    ) -> ObjectRef:
        """Return the object that has a name already, if it has the bytes that were to be written.

        Cloud Storage also answers 412 where a policy forbids the write, and then there need be no object at all.
        """
        place = f"gs://{blob.bucket.name}/{blob.name}"
        try:
            blob.reload(**patiently)
        except NotFound as error:
            raise StorageRefused(f"{place} may not be written, and there is no such object: {said(refusal)}") from error
        if Sum(int(blob.size or 0), blob.crc32c) != expected or expected.crc32c is None:
            raise NameTaken(f"{place} has other bytes than those that were to be written there.") from refusal
        return ObjectRef(blob.bucket.name, blob.name, int(blob.generation))

    def _has_another_generation(self, ref: ObjectRef) -> bool:
        try:
            return self.find(ref.bucket, ref.name).ref.generation != ref.generation
        except AlreadyDone:
            return False


def _describe(copy: storage.Blob, source: storage.Blob, model: str) -> None:
    """Say of a copy what is said of its source, but for the model: who says anything of a copy has to say all."""
    copy.content_type = source.content_type
    if source.content_encoding:
        copy.content_encoding = source.content_encoding
    copy.metadata = {**(source.metadata or {}), METADATA_KEY: model}


def _upload_from(blob: storage.Blob) -> Upload:
    return Upload(
        ObjectRef(blob.bucket.name, blob.name, int(blob.generation)),
        size_bytes=int(blob.size or 0),
        content_type=blob.content_type or "",
        model=(blob.metadata or {}).get(METADATA_KEY) or None,
        content_encoding=blob.content_encoding or "",
    )


class _Capped(BytesIO):
    """A buffer that refuses to outgrow its limit."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__()
        self._max_bytes = max_bytes

    def write(self, chunk: Any) -> int:
        if self.tell() + len(chunk) > self._max_bytes:
            raise TooManyBytes(f"The file is over the limit of {self._max_bytes:,} bytes; upload a smaller one.")
        return super().write(chunk)
