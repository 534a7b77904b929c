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
from google.cloud import storage
from google.cloud.exceptions import NotFound

from shared.adapters.checksum import Checksum, crc32c
from shared.adapters.error_messages import message_of
from shared.adapters.gcs_errors import refuse_impossible_name, translate_errors
from shared.adapters.retry import RetryPolicy, is_transient, read_environment_once
from shared.errors import (
    AlreadyDone,
    NameTaken,
    StorageRefused,
    StorageUnavailable,
    Superseded,
    TooManyBytes,
)
from shared.images.content_encoding import unpacked
from shared.pipeline.probe import MARK, is_marked
from shared.types import METADATA_KEY, ObjectRef, Upload

SERVICE = "https://storage.googleapis.com"


class CloudStorage:
    """``ports.ObjectStore`` on the real client. Thread-safe.

    Args:
        project: the project that pays for the calls.
        deadline_s: every call ends within this many seconds, retries included.
        endpoint: URL of a local object store, which needs no credentials; None for Cloud Storage itself.
    """

    def __init__(self, project: str, deadline_s: float, *, endpoint: str | None = None) -> None:
        # Otherwise the client requests each bucket's metadata, in a thread, for traces that we do not collect.
        os.environ.setdefault("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
        credentials = AnonymousCredentials() if endpoint else None
        options = {"api_endpoint": endpoint} if endpoint else None
        self._client = storage.Client(project=project, credentials=credentials, client_options=options)
        read_environment_once(self._client._http, endpoint or SERVICE)
        self._retry_policy = RetryPolicy(self._client._http, deadline_s, is_transient)

    def read(self, ref: ObjectRef, max_bytes: int) -> bytes:
        """See ``ports.ObjectStore.read``; the bytes come as they are stored, and are unpacked here within the limit."""
        blob = self._client.bucket(ref.bucket).blob(ref.name, generation=ref.generation)
        content = _Capped(max_bytes)
        with self._retry_policy.call() as retry_options:
            try:
                with translate_errors(f"reading {ref}", of_object=True):
                    # The client does not check what it reads after a broken connection, so the whole is checked below.
                    blob.download_to_file(content, raw_download=True, checksum=None, **retry_options)
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
        with self._call(f"writing gs://{bucket}/{name}") as retry_options:
            try:
                blob.upload_from_string(content, content_type, if_generation_match=0, **retry_options)
            except NotFound as error:  # the bucket is missing, not the upload
                raise StorageRefused(f"There is no bucket gs://{bucket}; create it.") from error
            except api.PreconditionFailed as error:
                clear_frames(error.__traceback__)  # a cycle of frames would hold the file's bytes until a collection
                return self._same(blob, Checksum(len(content), crc32c(content)), error, retry_options)
        return ObjectRef(bucket, name, int(blob.generation))

    def upload(
        self, bucket: str, name: str, path: Path, model: str | None = None, *, is_probe: bool = False
    ) -> ObjectRef | None:
        """Upload a file create-only; return None, and change nothing, if another object has the name.

        An object with the same bytes for the same model counts as this upload: its response may have been lost.

        Args:
            bucket: the bucket's name.
            name: the object's name.
            path: the file.
            model: the model that the object is for; None lets the object's name decide.
            is_probe: whether it is of a smoke test.

        Raises:
            AlreadyDone: there is no such bucket.
            BadRequest: no object can have that name.
            StorageUnavailable: no answer within the deadline.
        """
        blob = self._client.bucket(bucket).blob(name)
        metadata = ({METADATA_KEY: model} if model is not None else {}) | (MARK if is_probe else {})
        if metadata:
            blob.metadata = metadata
        with refuse_impossible_name(name), self._call(f"uploading {path.name} to gs://{bucket}") as retry_options:
            for is_last in (False, True):
                try:
                    blob.upload_from_filename(str(path), if_generation_match=0, **retry_options)
                    break
                except api.PreconditionFailed as error:
                    try:
                        existing = self._same(blob, Checksum.of_file(path), error, retry_options)
                    except NameTaken:
                        return None
                    except StorageRefused:
                        if is_last:
                            raise
                        continue  # an upload had the name, and was deleted before its metadata was read
                    return existing if (blob.metadata or {}).get(METADATA_KEY) == model else None
        return ObjectRef(bucket, name, int(blob.generation))

    def copy_once(self, ref: ObjectRef, bucket: str, name: str, model: str | None = None) -> ObjectRef:
        """See ``ports.ObjectStore.copy_once``; copies inside Cloud Storage, whatever the size."""
        source = self._client.bucket(ref.bucket).blob(ref.name, generation=ref.generation)
        copy = self._client.bucket(bucket).blob(name)
        action = f"copying {ref} to gs://{bucket}/{name}"
        with translate_errors(action, of_object=True), self._retry_policy.call() as retry_options:
            try:
                if model is not None:
                    source.reload(**retry_options)
                    _describe(copy, source, model)
                token, _, _ = copy.rewrite(source, if_generation_match=0, **retry_options)
                while token is not None:
                    token, _, _ = copy.rewrite(source, token=token, if_generation_match=0, **retry_options)
            except NotFound as error:
                if source.exists(**retry_options):
                    raise StorageRefused(f"There is no bucket gs://{bucket}; create it.") from error
                raise
            except api.PreconditionFailed as error:
                source.reload(**retry_options)
                return self._same(copy, Checksum(int(source.size or 0), source.crc32c), error, retry_options)
            return ObjectRef(bucket, name, int(copy.generation))

    def delete(self, ref: ObjectRef) -> None:
        """See ``ports.ObjectStore.delete``."""
        blob = self._client.bucket(ref.bucket).blob(ref.name, generation=ref.generation)
        with suppress(AlreadyDone), self._call(f"deleting {ref}") as retry_options:
            # No precondition: it would test the live generation, even where ``ref`` is an old one.
            blob.delete(**retry_options)

    def find(self, bucket: str, name: str) -> Upload:
        """See ``ports.ObjectStore.find``."""
        with (
            translate_errors(f"looking for gs://{bucket}/{name}", of_object=True),
            self._retry_policy.call() as retry_options,
        ):
            blob = self._client.bucket(bucket).get_blob(name, **retry_options)
        if blob is None:
            raise AlreadyDone(f"There is no object gs://{bucket}/{name}.")
        return _upload_from(blob)

    def uploads(self, bucket: str, prefix: str = "", *, live_only: bool = False) -> Iterator[Upload]:
        """See ``ports.ObjectStore.uploads``."""
        options: dict[str, Any] = {"versions": not live_only or None, **self._retry_policy.options}
        pages = self._client.list_blobs(bucket, prefix=prefix or None, **options).pages
        while True:
            # Left before each yield: the deadline limits one page, not what the caller does in between.
            with self._call(f"listing gs://{bucket}/{prefix}"):
                page = next(pages, None)
            if page is None:
                return
            yield from map(_upload_from, page)

    def create_bucket(self, name: str, *, keeps_versions: bool = False) -> None:
        """Create a bucket unless it exists, for local clouds; in production Terraform creates buckets.

        Args:
            name: the bucket's name.
            keeps_versions: whether an overwritten object can still be read by its generation.
        """
        bucket = self._client.bucket(name)
        with self._call(f"creating gs://{name}") as retry_options:
            with suppress(api.Conflict):
                self._client.create_bucket(bucket, **retry_options)
            if keeps_versions:
                bucket.versioning_enabled = True
                bucket.patch(**retry_options)

    @contextmanager
    def _call(self, action: str) -> Iterator[dict[str, Any]]:
        with translate_errors(action), self._retry_policy.call() as retry_options:
            yield retry_options

    def _same(
        self,
        blob: storage.Blob,
        expected: Checksum,
        precondition_error: api.PreconditionFailed,
        retry_options: dict[str, Any],
    ) -> ObjectRef:
        """Return the object that has the name already, if it has the bytes that were to be written.

        Cloud Storage also answers 412 where a policy forbids the write; then there may be no object.
        """
        uri = f"gs://{blob.bucket.name}/{blob.name}"
        try:
            blob.reload(**retry_options)
        except NotFound as error:
            raise StorageRefused(
                f"{uri} may not be written, and there is no such object: {message_of(precondition_error)}"
            ) from error
        if Checksum(int(blob.size or 0), blob.crc32c) != expected or expected.crc32c is None:
            raise NameTaken(
                f"{uri} exists with other bytes than those that were to be written."
            ) from precondition_error
        return ObjectRef(blob.bucket.name, blob.name, int(blob.generation))

    def _has_another_generation(self, ref: ObjectRef) -> bool:
        try:
            return self.find(ref.bucket, ref.name).ref.generation != ref.generation
        except AlreadyDone:
            return False


def _describe(copy: storage.Blob, source: storage.Blob, model: str) -> None:
    """Copy the metadata of a source, except for its model: metadata that a copy sets replaces all of the source's."""
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
        is_probe=is_marked(blob.metadata),
    )


class _Capped(BytesIO):
    """A buffer that raises ``TooManyBytes`` beyond its limit."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__()
        self._max_bytes = max_bytes

    def write(self, chunk: Any) -> int:
        if self.tell() + len(chunk) > self._max_bytes:
            raise TooManyBytes(f"The file is over the limit of {self._max_bytes:,} bytes; upload a smaller one.")
        return super().write(chunk)
