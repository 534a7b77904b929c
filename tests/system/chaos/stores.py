"""The buckets as an outsider sees them: Google's client, and none of the product's code."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

from google.api_core.exceptions import NotFound, PreconditionFailed
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from google.cloud.storage.retry import DEFAULT_RETRY
from requests.adapters import HTTPAdapter

from shared.local.cloud import ARCHIVE_BUCKET, PROJECT, QUARANTINE_BUCKET, UPLOAD_BUCKET
from shared.types import ObjectRef
from tests.system.chaos.ledger import Ledger, Put
from tests.system.chaos.pictures import File

UNTIL_TAKEN = DEFAULT_RETRY.with_delay(initial=0.1, maximum=1.0, multiplier=1.5).with_timeout(120)
"""An uploader that does not give up while the store is dead."""
ANSWER_S = 20
THREADS = 8


class Buckets:
    """The three buckets of a cloud. Thread-safe.

    Args:
        url: of the object store.
        ledger: records every upload.
    """

    def __init__(self, url: str, ledger: Ledger) -> None:
        credentials = AnonymousCredentials()
        self._client = storage.Client(PROJECT, credentials=credentials, client_options={"api_endpoint": url})
        self._client._http.mount("http://", HTTPAdapter(pool_maxsize=4 * THREADS))
        self._ledger = ledger

    @cached_property
    def keep_versions(self) -> bool:
        """Whether an overwritten upload can still be read by its generation."""
        bucket = self._client.get_bucket(UPLOAD_BUCKET, retry=UNTIL_TAKEN, timeout=ANSWER_S)
        return bool(bucket.versioning_enabled)

    def put(self, file: File) -> Put | None:
        """Upload a file create-only until the store has it; None where the answer with its generation was lost."""
        try:
            return self._put(file, if_generation_match=0)
        except PreconditionFailed:
            blob = self._client.bucket(UPLOAD_BUCKET).get_blob(file.name, retry=UNTIL_TAKEN, timeout=ANSWER_S)
        if blob is not None:
            return self._noted(file, blob)
        self._ledger.unconfirmed.append(file)
        return None

    def put_over(self, file: File) -> Put:
        """Upload a file over whatever has its name."""
        return self._put(file)

    def put_all(self, files: Iterable[File], threads: int = 4) -> None:
        """Upload files, several in parallel."""
        with ThreadPoolExecutor(threads, thread_name_prefix="upload") as pool:
            list(pool.map(self.put, files))

    def waiting(self) -> list[ObjectRef]:
        """Return every generation in the upload bucket, newer and older."""
        blobs = self._client.list_blobs(UPLOAD_BUCKET, versions=True, retry=UNTIL_TAKEN, timeout=ANSWER_S)
        return [ObjectRef(UPLOAD_BUCKET, blob.name, int(blob.generation)) for blob in blobs]

    def resting(self) -> list[ObjectRef]:
        """Return the objects in the archive and in quarantine, by bucket and name."""
        return [
            ObjectRef(bucket, blob.name, int(blob.generation))
            for bucket in (ARCHIVE_BUCKET, QUARANTINE_BUCKET)
            for blob in self._client.list_blobs(bucket, retry=UNTIL_TAKEN, timeout=ANSWER_S)
        ]

    def archived(self) -> dict[str, str]:
        """Return the digest of every archived object's bytes, by name."""
        return self._digests(ARCHIVE_BUCKET)

    def quarantined(self) -> dict[str, str]:
        """Return the digest of every quarantined object's bytes, by name."""
        return self._digests(QUARANTINE_BUCKET)

    def _put(self, file: File, **demands: int) -> Put:
        blob = self._client.bucket(UPLOAD_BUCKET).blob(file.name)
        blob.upload_from_string(file.content, "image/jpeg", retry=UNTIL_TAKEN, timeout=ANSWER_S, **demands)
        return self._noted(file, blob)

    def _noted(self, file: File, blob: storage.Blob) -> Put:
        put = Put(file, ObjectRef(UPLOAD_BUCKET, file.name, int(blob.generation)))
        self._ledger.puts.append(put)
        return put

    def _digests(self, bucket: str) -> dict[str, str]:
        names = [blob.name for blob in self._client.list_blobs(bucket, retry=UNTIL_TAKEN, timeout=ANSWER_S)]
        with ThreadPoolExecutor(THREADS, thread_name_prefix="digest") as pool:
            digests = pool.map(lambda name: self._digest(bucket, name), names)
            return {name: digest for name, digest in zip(names, digests, strict=True) if digest}

    def _digest(self, bucket: str, name: str) -> str | None:
        try:
            content = self._client.bucket(bucket).blob(name).download_as_bytes(retry=UNTIL_TAKEN, timeout=ANSWER_S)
        except NotFound:
            return None
        return hashlib.sha256(content).hexdigest()
