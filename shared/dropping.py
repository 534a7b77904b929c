"""Dropping files into a bucket, and waiting for what becomes of them."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from shared import identity
from shared.errors import AlreadyDone
from shared.files import files_under
from shared.types import ObjectRef

POLL_S = 0.25

LANDED = """
SELECT upload_id, label, score, needs_review, CAST(NULL AS STRING) AS reason, CAST(NULL AS STRING) AS detail
FROM latest_predictions
WHERE upload_id IN UNNEST(@ids)
UNION ALL
SELECT failure_id, NULL, NULL, NULL, reason, detail
FROM rejected_uploads
WHERE failure_id IN UNNEST(@ids)
"""


class Bucket(Protocol):
    """Where files can be put."""

    def upload(self, bucket: str, name: str, path: Path, model: str | None = None) -> ObjectRef | None:
        """Upload a file create-only; None if there is an object of that name."""


class Answers(Protocol):
    """Where rows can be looked for."""

    def query(self, sql: str, **parameters: list[str]) -> Any:
        """Run GoogleSQL."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A file that was uploaded."""

    path: Path
    ref: ObjectRef

    @property
    def upload_id(self) -> str:
        """What its row will be found by."""
        return identity.of_object(self.ref).upload_id


def names_of(paths: Iterable[Path]) -> list[tuple[Path, str]]:
    """Return each file with its object name: a file's own name; of a folder, the path from the folder's name on."""
    named = []
    for path in paths:
        above = path.resolve().parent
        named += [(file, file.resolve().relative_to(above).as_posix()) for file in files_under(path)]
    return named


def drop(
    store: Bucket, bucket: str, files: list[tuple[Path, str]], model: str | None = None, threads: int = 8
) -> Iterator[Dropped]:
    """Upload files, several at once, in order. Nothing is overwritten: a taken name gets the content's digest added.

    Args:
        store: where to.
        bucket: where to.
        files: each with its object's name.
        model: that they are for; None leaves that to their names.
        threads: how many at once.

    Raises:
        AlreadyDone: there is no such bucket.
        StorageUnavailable: no answer within the deadline.
    """
    with ThreadPoolExecutor(threads, thread_name_prefix="drop") as pool:
        yield from pool.map(lambda file: _drop(store, bucket, file[0], file[1], model), files)


Landing = tuple[Dropped, dict[str, Any]]
"""An upload and its row."""


def wait_for(warehouse: Answers, dropped: Iterable[Dropped], patience_s: float) -> Iterator[Landing]:
    """Yield each upload with its row as it lands; stops when all have, or after ``patience_s`` seconds."""
    missing = {upload.upload_id: upload for upload in dropped}
    give_up_at = time.monotonic() + patience_s
    while missing and time.monotonic() < give_up_at:
        for row in warehouse.query(LANDED, ids=list(missing)).rows:
            if upload := missing.pop(row["upload_id"], None):
                yield upload, row
        if missing:
            time.sleep(POLL_S)


def _drop(store: Bucket, bucket: str, path: Path, name: str, model: str | None) -> Dropped:
    ref = store.upload(bucket, name, path, model)
    if ref is None:
        ref = store.upload(bucket, _another(name, path, ""), path, model)
    if ref is None:
        ref = store.upload(bucket, _another(name, path, f"-{time.time_ns()}"), path, model)
    if ref is None:
        raise AlreadyDone(f"gs://{bucket}/{name} and names like it are taken.")
    return Dropped(path, ref)


def _another(name: str, path: Path, more: str) -> str:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:8]
    pure = PurePosixPath(name)
    return str(pure.with_name(f"{pure.stem}-{digest}{more}{pure.suffix}"))
