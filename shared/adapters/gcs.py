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
from google.auth.exceptions import GoogleAuthError
from google.cloud import storage  # type: ignore[attr-defined]  # it ships no types
from google.cloud.exceptions import NotFound
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse
from urllib3.exceptions import HTTPError

from shared.adapters.patience import Patience, is_passing, read_environment_once
from shared.errors import AlreadyDone, StorageUnavailable, Superseded, TooManyBytes
from shared.types import METADATA_KEY, ObjectRef, Upload

SERVICE = "https://storage.googleapis.com"

UNAVAILABLE = (api.GoogleAPIError, GoogleAuthError, InvalidResponse, DataCorruption, HTTPError, OSError)
"""The families that the client raises from; they share no base class but Exception."""


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
        """See ``ports.ObjectStore.read``."""
        blob = self._client.bucket(ref.bucket).blob(ref.name, generation=ref.generation)
        content = _Capped(max_bytes)
        with self._patience.call() as patiently:
            try:
                with translated(f"reading {ref}"):
                    blob.download_to_file(content, **patiently)
            except AlreadyDone as gone:
                if self._has_another_generation(ref):
                    raise Superseded(f"{ref} was overwritten before it was read.") from gone
                raise
        return content.getvalue()

    def write_once(self, bucket: str, name: str, content: bytes, content_type: str) -> ObjectRef | None:
        """See ``ports.ObjectStore.write_once``."""
        blob = self._client.bucket(bucket).blob(name)
        with self._call(f"writing gs://{bucket}/{name}") as patiently, _absent_before():
            try:
                blob.upload_from_string(content, content_type, if_generation_match=0, **patiently)
            except NotFound as error:  # not the upload is gone, but the bucket is missing
                raise StorageUnavailable(f"There is no bucket gs://{bucket}; create it.") from error
            return ObjectRef(bucket, name, int(blob.generation))
        return None

    def upload(self, bucket: str, name: str, path: Path, model: str | None = None) -> ObjectRef | None:
        """Upload a file if there is no object of that name; None if there is one, which is left as it is.

        Args:
            bucket: where to.
            name: of the object.
            path: of the file.
            model: that the object is for; None leaves that to its name.

        Raises:
            AlreadyDone: there is no such bucket.
            StorageUnavailable: no answer within the deadline.
        """
        blob = self._client.bucket(bucket).blob(name)
        if model is not None:
            blob.metadata = {METADATA_KEY: model}
        with self._call(f"uploading {path.name} to gs://{bucket}") as patiently:
            try:
                blob.upload_from_filename(str(path), if_generation_match=0, **patiently)
            except api.PreconditionFailed:
                return None
        return ObjectRef(bucket, name, int(blob.generation))

    def copy_once(self, ref: ObjectRef, bucket: str, name: str) -> ObjectRef | None:
        """See ``ports.ObjectStore.copy_once``; copies inside Cloud Storage, whatever the size."""
        source = self._client.bucket(ref.bucket).blob(ref.name, generation=ref.generation)
        copy = self._client.bucket(bucket).blob(name)
        with self._call(f"copying {ref} to gs://{bucket}/{name}") as patiently, _absent_before():
            try:
                token, _, _ = copy.rewrite(source, if_generation_match=0, **patiently)
                while token is not None:
                    token, _, _ = copy.rewrite(source, token=token, if_generation_match=0, **patiently)
            except NotFound as error:
                if source.exists(**patiently):
                    raise StorageUnavailable(f"There is no bucket gs://{bucket}; create it.") from error
                raise
            return ObjectRef(bucket, name, int(copy.generation))
        return None

    def delete(self, ref: ObjectRef) -> None:
        """See ``ports.ObjectStore.delete``."""
        blob = self._client.bucket(ref.bucket).blob(ref.name, generation=ref.generation)
        with suppress(AlreadyDone), self._call(f"deleting {ref}") as patiently:
            blob.delete(**patiently)  # a precondition would be on the live generation, even where ``ref`` is an old one

    def find(self, bucket: str, name: str) -> Upload:
        """See ``ports.ObjectStore.find``."""
        with self._call(f"looking for gs://{bucket}/{name}") as patiently:
            blob = self._client.bucket(bucket).get_blob(name, **patiently)
        if blob is None:
            raise AlreadyDone(f"There is no object gs://{bucket}/{name}.")
        return _upload_from(blob)

    def uploads(self, bucket: str, prefix: str = "") -> Iterator[Upload]:
        """See ``ports.ObjectStore.uploads``."""
        options = self._patience.options
        pages = self._client.list_blobs(bucket, prefix=prefix or None, versions=True, **options).pages
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

    def _has_another_generation(self, ref: ObjectRef) -> bool:
        try:
            return self.find(ref.bucket, ref.name).ref.generation != ref.generation
        except AlreadyDone:
            return False


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn whatever the client raises into an error of ours; the only place that does.

    Raises:
        AlreadyDone: the object, or this generation of it, is gone (404, or 412 on a pinned call).
        StorageUnavailable: everything else that the client, its transport or its credentials raise. A refused
            permission is among them: the upload waits until somebody grants it.
    """
    try:
        yield
    except (NotFound, api.PreconditionFailed) as error:
        raise AlreadyDone(f"While {what}: it is gone.") from error
    except UNAVAILABLE as error:
        raise StorageUnavailable(f"While {what}: {type(error).__name__}: {error}") from error


@contextmanager
def _absent_before() -> Iterator[None]:
    """An object that exists already was written by an earlier attempt, or holds the same bytes by its name."""
    try:
        yield
    except api.PreconditionFailed as error:
        clear_frames(error.__traceback__)  # they hold the file's bytes in a cycle, until the next garbage collection


def _upload_from(blob: storage.Blob) -> Upload:
    ref = ObjectRef(blob.bucket.name, blob.name, int(blob.generation))
    return Upload(ref, int(blob.size or 0), blob.content_type or "", (blob.metadata or {}).get(METADATA_KEY) or None)


class _Capped(BytesIO):
    """A buffer that refuses to outgrow its limit: a gzip-encoded object is larger than its size says."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__()
        self._max_bytes = max_bytes

    def write(self, chunk: Any) -> int:
        if self.tell() + len(chunk) > self._max_bytes:
            raise TooManyBytes(
                f"The file unpacks to more than the limit of {self._max_bytes:,} bytes; upload a smaller one."
            )
        return super().write(chunk)
