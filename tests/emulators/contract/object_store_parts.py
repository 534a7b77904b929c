"""The object store under test, and steps that its tests share."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.api_core import exceptions
from google.cloud.storage import Blob, Bucket, Client

from shared.adapters.gcs import CloudStorage
from shared.types import ObjectRef


@dataclass(frozen=True)
class StoreUnderTest:
    """An object store and a new, empty bucket in it."""

    url: str
    client: Client
    store: CloudStorage
    """The product's adapter for the store."""
    bucket: Bucket
    folder: Path
    """The store's folder; its files are several levels below it."""

    def put(self, name: str, content: bytes = b"first") -> ObjectRef:
        """Write an object and overwrite an existing one."""
        blob = self.bucket.blob(name)
        blob.upload_from_string(content, retry=None)
        return ObjectRef(self.bucket.name, name, int(blob.generation))

    def content(self, name: str) -> bytes:
        """Read the live generation of an object."""
        return bytes(self.bucket.blob(name).download_as_bytes(retry=None))

    def another_bucket(self, *, keeps_versions: bool = False) -> Bucket:
        """Create a bucket."""
        bucket = self.client.bucket(f"b-{os.urandom(8).hex()}")
        if keeps_versions:
            bucket.versioning_enabled = True
        self.client.create_bucket(bucket, retry=None)
        return bucket

    def objects_url(self, method: str = "storage/v1") -> str:
        """Where this bucket's objects are: of the JSON API, or of its uploads with ``upload/storage/v1``."""
        return f"{self.url}/{method}/b/{self.bucket.name}/o"


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Make all the calls at the same moment; returns their results, or the errors of Google's that they raised."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        barrier.wait()
        try:
            return call()
        except exceptions.GoogleAPICallError as error:
            return error

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls))


def names(bucket: Bucket, **options: Any) -> list[str]:
    """List a bucket's names."""
    return [blob.name for blob in bucket.list_blobs(retry=None, **options)]


def winners(results: list[Any]) -> int:
    """Count the calls that were not refused; each of the others must have met a precondition."""
    lost = [result for result in results if isinstance(result, Exception)]
    assert all(isinstance(error, exceptions.PreconditionFailed) for error in lost), lost
    return len(results) - len(lost)


def same(blob: Blob, other: Blob) -> bool:
    """Tell whether two objects have the same bytes, going by both checksums."""
    return (blob.size, blob.md5_hash, blob.crc32c) == (other.size, other.md5_hash, other.crc32c)
