"""The object store on Cloud Storage: every read, copy and delete is pinned to a generation."""

from __future__ import annotations

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
from google.cloud.storage.retry import DEFAULT_RETRY
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from shared.errors import AlreadyDone, StorageUnavailable, Superseded, TooManyBytes
from shared.types import ObjectRef, Upload

UNAVAILABLE = (api.GoogleAPIError, GoogleAuthError, InvalidResponse, DataCorruption, HTTPError, OSError)
"""The families that the client raises from; they share no base class but Exception."""

CONNECTIONS = 32
"""Kept open by the client: one for each thread that serves or archives."""


class CloudStorage:
    """``ports.ObjectStore`` on the real client. Thread-safe.

    Args:
        project: the project that pays for the calls.
        deadline_s: every call ends within this many seconds, retries included.
        endpoint: of a local object store, which asks for no credentials; None for Cloud Storage itself.
    """

    def __init__(self, project: str, deadline_s: float, *, endpoint: str | None = None) -> None:
        credentials = AnonymousCredentials() if endpoint else None  # type: ignore[no-untyped-call]
        options = {"api_endpoint": endpoint} if endpoint else None
        self._client = storage.Client(project=project, credentials=credentials, client_options=options)
        for scheme in ("https://", "http://"):
            self._client._http.mount(scheme, HTTPAdapter(pool_connections=4, pool_maxsize=CONNECTIONS))
        retry = DEFAULT_RETRY.with_delay(initial=0.2, maximum=2.0, multiplier=2.0).with_timeout(deadline_s)
        self._call: dict[str, Any] = {"retry": retry, "timeout": deadline_s}

    def read(self, ref: ObjectRef, max_bytes: int) -> bytes:
        """See ``ports.ObjectStore.read``."""
        blob = self._client.bucket(ref.bucket).blob(ref.name, generation=ref.generation)
        content = _Capped(max_bytes)
        try:
            with translated(f"reading {ref}"):
                blob.download_to_file(content, **self._call)
        except AlreadyDone as gone:
            if self._has_another_generation(ref):
                raise Superseded(f"{ref} was overwritten before it was read.") from gone
            raise
        return content.getvalue()

    def write_once(self, bucket: str, name: str, content: bytes, content_type: str) -> None:
        """See ``ports.ObjectStore.write_once``."""
        blob = self._client.bucket(bucket).blob(name)
        with translated(f"writing gs://{bucket}/{name}"), _absent_before():
            try:
                blob.upload_from_string(content, content_type, if_generation_match=0, **self._call)
            except NotFound as error:  # not the upload is gone, but the bucket is missing
                raise StorageUnavailable(f"There is no bucket gs://{bucket}; create it.") from error

    def upload(self, bucket: str, name: str, path: Path) -> ObjectRef | None:
        """Upload a file if there is no object of that name; None if there is one, which is left as it is.

        Raises:
            AlreadyDone: there is no such bucket.
            StorageUnavailable: no answer within the deadline.
        """
        blob = self._client.bucket(bucket).blob(name)
        with translated(f"uploading {path.name} to gs://{bucket}"):
            try:
                blob.upload_from_filename(str(path), if_generation_match=0, **self._call)
            except api.PreconditionFailed:
                return None
        return ObjectRef(bucket, name, int(blob.generation))

    def copy_once(self, ref: ObjectRef, bucket: str, name: str) -> None:
        """See ``ports.ObjectStore.copy_once``; copies inside Cloud Storage, whatever the size."""
        source = self._client.bucket(ref.bucket).blob(ref.name, generation=ref.generation)
        copy = self._client.bucket(bucket).blob(name)
        with translated(f"copying {ref} to gs://{bucket}/{name}"), _absent_before():
            try:
                token, _, _ = copy.rewrite(source, if_generation_match=0, **self._call)
                while token is not None:
                    token, _, _ = copy.rewrite(source, token=token, if_generation_match=0, **self._call)
            except NotFound as error:
                if source.exists(**self._call):
                    raise StorageUnavailable(f"There is no bucket gs://{bucket}; create it.") from error
                raise

    def delete(self, ref: ObjectRef) -> None:
        """See ``ports.ObjectStore.delete``."""
        blob = self._client.bucket(ref.bucket).blob(ref.name, generation=ref.generation)
        with suppress(AlreadyDone), translated(f"deleting {ref}"):
            blob.delete(if_generation_match=ref.generation, **self._call)

    def find(self, bucket: str, name: str) -> Upload:
        """See ``ports.ObjectStore.find``."""
        with translated(f"looking for gs://{bucket}/{name}"):
            blob = self._client.bucket(bucket).get_blob(name, **self._call)
        if blob is None:
            raise AlreadyDone(f"There is no object gs://{bucket}/{name}.")
        return _upload_from(blob)

    def uploads(self, bucket: str, prefix: str = "") -> Iterator[Upload]:
        """See ``ports.ObjectStore.uploads``."""
        with translated(f"listing gs://{bucket}/{prefix}"):
            for blob in self._client.list_blobs(bucket, prefix=prefix or None, versions=True, **self._call):
                yield _upload_from(blob)

    def create_bucket(self, name: str) -> None:
        """Create a bucket, unless it is there already. For local clouds: in production Terraform makes them."""
        with translated(f"creating gs://{name}"), suppress(api.Conflict):
            self._client.create_bucket(name, **self._call)

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
    return Upload(ref, int(blob.size or 0), blob.content_type or "")


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
