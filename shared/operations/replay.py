"""Replay: quarantined files go back into the upload bucket, where they are uploads like any other.

The order loses nothing: copy create-only, then remove the copy in quarantine, by its generation. A kill in between
leaves both; done again, the file is put back a second time, as an upload with a row of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from itertools import islice

from shared.backlog.attempts import delete_markers
from shared.errors import AlreadyDone, NameTaken, Unreadable
from shared.parsing.gs_uri import parse_gs_uri
from shared.pipeline.set_aside import unmark
from shared.ports import ObjectStore, Warehouse
from shared.types import ObjectRef

REJECTED = """
SELECT failure_id, name, reason, size_bytes, quarantine_uri, recorded_at
FROM rejected_uploads
WHERE bucket IN UNNEST(@buckets)
ORDER BY recorded_at, failure_id
"""


class Fate(StrEnum):
    """The outcome of a file in a replay."""

    PUT_BACK = "put_back"
    TAKEN = "taken"
    """An object of its name waits in the upload bucket; it is not changed."""
    GONE = "gone"
    """The file is no longer in quarantine: it was put back before, or deleted."""
    SET_ASIDE = "set_aside"
    """The file never was in quarantine: it cannot be read or copied, and is still in its bucket."""


@dataclass(frozen=True, slots=True)
class Selection:
    """A selection of rejected uploads."""

    bucket: str
    """The bucket that they were uploaded to."""
    reasons: tuple[str, ...] = ()
    """Empty for any."""
    name: str = "*"
    """A pattern for the object's name, with *, ? and […]; * also stands for slashes."""
    after: datetime | None = None
    """Quarantined at this time or later."""
    before: datetime | None = None
    """Quarantined before this time."""

    def takes(self, name: str, reason: str, quarantined_at: datetime) -> bool:
        """Return whether the selection includes a file."""
        is_late = self.after is None or quarantined_at >= self.after
        is_early = self.before is None or quarantined_at < self.before
        is_of_reason = not self.reasons or reason in self.reasons
        return is_late and is_early and is_of_reason and fnmatchcase(name, self.name)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A file that was put into quarantine, and may lie there still."""

    failure_id: str
    name: str
    reason: str
    size_bytes: int
    recorded_at: datetime
    quarantine_bucket: str
    quarantine_name: str
    """Both empty for what was set aside."""


def rejected(warehouse: Warehouse, selection: Selection) -> Iterator[Rejected]:
    """Yield the uploads that were rejected, each once, those that wait longest first.

    Raises:
        WarehouseUnavailable: no answer within the deadline.
        BadRequest: the view is missing.
    """
    for row in warehouse.query(REJECTED, buckets=[selection.bucket]).rows:
        if selection.takes(row["name"], row["reason"], row["recorded_at"]):
            uri = parse_gs_uri(row["quarantine_uri"]) if row["quarantine_uri"] else None
            yield Rejected(
                failure_id=row["failure_id"],
                name=row["name"],
                reason=row["reason"],
                size_bytes=row["size_bytes"],
                recorded_at=row["recorded_at"],
                quarantine_bucket=uri.bucket if uri else "",
                quarantine_name=uri.name if uri else "",
            )


def replay(
    store: ObjectStore,
    files: Iterable[Rejected],
    upload_bucket: str,
    *,
    limit: int | None = None,
    dry_run: bool = False,
    keep_quarantined: bool = False,
    model: str | None = None,
    threads: int = 8,
) -> Iterator[tuple[Rejected, Fate]]:
    """Put files back, several in parallel; yield each with its outcome, in order, until ``limit`` are put back.

    With ``model`` the files are for that model, whichever they named before.

    Raises:
        StorageUnavailable: no answer within the deadline; what was put back by then was not yielded in full.
    """

    def act(file: Rejected) -> Fate:
        if dry_run:
            return look(store, file, upload_bucket)
        return put_back(store, file, upload_bucket, keep_quarantined=keep_quarantined, model=model)

    rest, done, named = iter(files), 0, set[str]()
    with ThreadPoolExecutor(threads, thread_name_prefix="replay") as pool:
        while batch := list(islice(rest, threads if limit is None else min(threads, limit - done))):
            for file, fate in zip(batch, list(pool.map(act, batch)), strict=True):
                if fate is Fate.PUT_BACK and dry_run and file.name in named:
                    fate = Fate.TAKEN  # by the one before it, which only seems to be put back
                if fate is Fate.PUT_BACK:
                    done += 1
                    named.add(file.name)
                yield file, fate


def look(store: ObjectStore, file: Rejected, upload_bucket: str) -> Fate:
    """Say what ``put_back`` would do, as things are now.

    Raises:
        StorageUnavailable: no answer within the deadline.
    """
    if not file.quarantine_name:
        return Fate.SET_ASIDE
    if _find(store, file.quarantine_bucket, file.quarantine_name) is None:
        return Fate.GONE
    return Fate.TAKEN if _find(store, upload_bucket, file.name) else Fate.PUT_BACK


def put_back(
    store: ObjectStore,
    file: Rejected,
    upload_bucket: str,
    *,
    keep_quarantined: bool = False,
    model: str | None = None,
) -> Fate:
    """Put a file back under its own name. May be repeated after a kill at any moment.

    Raises:
        StorageUnavailable: no answer within the deadline; the file is in quarantine still, or in both places.
    """
    if not file.quarantine_name:
        return Fate.SET_ASIDE
    resting = _find(store, file.quarantine_bucket, file.quarantine_name)
    if resting is None:
        return Fate.GONE
    try:
        store.copy_once(resting, upload_bucket, file.name, model)
    except AlreadyDone:
        return Fate.GONE
    except (NameTaken, Unreadable):
        return Fate.TAKEN
    delete_markers(store, file.quarantine_bucket, file.failure_id)
    unmark(store, file.quarantine_bucket, file.failure_id)
    if not keep_quarantined:
        store.delete(resting)
    return Fate.PUT_BACK


def _find(store: ObjectStore, bucket: str, name: str) -> ObjectRef | None:
    try:
        return store.find(bucket, name).ref
    except AlreadyDone:
        return None
