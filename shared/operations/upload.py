"""Upload files to a bucket, and wait for their rows."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from shared.errors import BadRequest
from shared.images.files import files_under
from shared.pipeline.ids import ImageIds
from shared.ports import Warehouse
from shared.types import ObjectRef

POLL_S = 0.25
LONGEST_POLL_S = 2.0
"""The longest pause between queries, to which the pause grows while no row arrives."""

LONGEST_NAME_BYTES = 1024
"""The longest name of an object: https://cloud.google.com/storage/docs/objects#naming."""

DIGESTS_PER_QUERY = 5000
"""The digests of a query, whose parameters may have 10 MB: https://cloud.google.com/bigquery/quotas#query_jobs."""

LANDED = """
SELECT
  upload_id, label, score, needs_review, is_unfamiliar, CAST(NULL AS STRING) AS reason, CAST(NULL AS STRING) AS detail
FROM latest_predictions
WHERE uploaded_on IN (DAYS) AND upload_id IN UNNEST(@ids)
UNION ALL
SELECT failure_id, NULL, NULL, NULL, NULL, reason, detail
FROM rejected_uploads
WHERE uploaded_on IN (DAYS) AND failure_id IN UNNEST(@ids)
"""
"""DAYS becomes literals: BigQuery prunes partitions by constants, but not by an array in a parameter."""

CLASSIFIED = """
SELECT DISTINCT image.sha256
FROM latest_predictions
WHERE image.sha256 IN UNNEST(@digests) AND (ARRAY_LENGTH(@models) = 0 OR model.name IN UNNEST(@models))
"""


class Bucket(Protocol):
    """A store to which files can be uploaded."""

    def upload(self, bucket: str, name: str, path: Path, model: str | None = None) -> ObjectRef | None:
        """Upload a file create-only; None if there is an object of that name.

        Raises:
            BadRequest: no object can have that name.
        """


@dataclass(frozen=True, slots=True)
class Dropped:
    """A file that was uploaded."""

    path: Path
    ref: ObjectRef

    @property
    def upload_id(self) -> str:
        """The id of the upload's row."""
        return ImageIds.of_object(self.ref).upload_id


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was not uploaded, while the others were."""

    path: Path
    why: str
    """A sentence without its subject, such as ``its name has a line break, …``."""


def names_of(paths: Iterable[Path]) -> list[tuple[Path, str]]:
    """Return each file with its object name: the file's name, or its path from the given folder's name on."""
    named = []
    for path in paths:
        above = path.resolve().parent
        named += [(file, file.resolve().relative_to(above).as_posix()) for file in files_under(path)]
    return named


def drop(
    store: Bucket, bucket: str, files: list[tuple[Path, str]], model: str | None = None, threads: int = 8
) -> Generator[Dropped | Skipped]:
    """Upload files, several in parallel; yield the results in order. A taken name gets the content's digest added.

    Nothing is overwritten. A file that cannot be read, or whose name is not a valid object name, is skipped.

    Args:
        store: the store of the bucket.
        bucket: the bucket to upload to.
        files: each with its object's name.
        model: the model for the files; None leaves that to their names.
        threads: the number of uploads in parallel.

    Raises:
        AlreadyDone: the bucket does not exist.
        StorageUnavailable: no answer within the deadline.
    """
    with ThreadPoolExecutor(threads, thread_name_prefix="drop") as pool:
        yield from pool.map(lambda file: _drop(store, bucket, file[0], file[1], model), files)


def without_known(
    warehouse: Warehouse, files: list[tuple[Path, str]], model: str | None = None, threads: int = 2
) -> list[tuple[Path, str]]:
    """Return the files whose content has no prediction yet, under any name.

    A file that was refused is returned too, as is one that cannot be read. The query reads two columns whole.

    Args:
        warehouse: the warehouse with the predictions.
        files: each with its object's name.
        model: whose predictions count, also ``NAME@VERSION``; None for any.
        threads: the number of files that are read in parallel.

    Raises:
        WarehouseUnavailable: no answer within the deadline.
        BadRequest: the view is missing.
    """
    with ThreadPoolExecutor(threads, thread_name_prefix="digests") as pool:
        digests = list(pool.map(_digest_or_none, (path for path, _ in files)))
    queried = sorted({digest for digest in digests if digest})
    models = [model.partition("@")[0]] if model else []
    known: set[str] = set()
    for start in range(0, len(queried), DIGESTS_PER_QUERY):
        rows = warehouse.query(CLASSIFIED, digests=queried[start : start + DIGESTS_PER_QUERY], models=models).rows
        known |= {row["sha256"] for row in rows}
    return [file for file, digest in zip(files, digests, strict=True) if digest not in known]


Landing = tuple[Dropped, dict[str, Any]]
"""An upload and its row."""


def wait_for(warehouse: Warehouse, dropped: Iterable[Dropped], timeout_s: float) -> Iterator[Landing]:
    """Yield each upload with its row as it arrives, until all have one or ``timeout_s`` seconds have passed.

    Only the partitions of the uploads' days are read.
    """
    missing = {upload.upload_id: upload for upload in dropped}
    deadline, pause_s = time.monotonic() + timeout_s, POLL_S
    while missing and time.monotonic() < deadline:
        days = sorted({upload.ref.created_at.date().isoformat() for upload in missing.values()})
        sql = LANDED.replace("DAYS", ", ".join(f"DATE '{day}'" for day in days))
        rows = warehouse.query(sql, ids=list(missing)).rows
        for row in rows:
            if upload := missing.pop(row["upload_id"], None):
                yield upload, row
        if missing:
            pause_s = POLL_S if rows else min(pause_s * 1.5, LONGEST_POLL_S)
            time.sleep(pause_s)


def _drop(store: Bucket, bucket: str, path: Path, name: str, model: str | None) -> Dropped | Skipped:
    try:
        path.open("rb").close()
        if fault := _fault_of(name):
            return Skipped(path, fault)
        ref = store.upload(bucket, name, path, model)
        if ref is None:
            ref = store.upload(bucket, _another(name, path, ""), path, model)
        if ref is None:
            ref = store.upload(bucket, _another(name, path, f"-{time.time_ns()}"), path, model)
    except BadRequest as error:
        return Skipped(path, str(error))
    except OSError as error:
        return Skipped(path, f"it cannot be read: {error.strerror}")
    return Dropped(path, ref) if ref else Skipped(path, f"gs://{bucket}/{name} and names like it are taken")


def _fault_of(name: str) -> str | None:
    """Return why a name is not a valid object name, or None."""
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        return "its name is not UTF-8, which an object's has to be; rename it"
    if length > LONGEST_NAME_BYTES:
        return f"its name has {length:,} bytes with its folders, an object's at most {LONGEST_NAME_BYTES:,}; shorten it"
    if "\r" in name or "\n" in name:
        return "its name has a line break, which an object's must not have; rename it"
    return None


def _another(name: str, path: Path, more: str) -> str:
    digest = _digest(path)[:8]
    pure = PurePosixPath(name)
    return str(pure.with_name(f"{pure.stem}-{digest}{more}{pure.suffix}"))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest_or_none(path: Path) -> str | None:
    try:
        return _digest(path)
    except OSError:
        return None
