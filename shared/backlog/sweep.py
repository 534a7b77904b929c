"""The sweep: process all uploads, and isolate any that kills the process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from shared.backlog.attempts import Attempts, BeingTried
from shared.backlog.open_attempts import Attempt
from shared.backlog.progress import SweepProgress
from shared.backlog.summary import Summary
from shared.backlog.upload_filter import UploadFilter
from shared.errors import Busy, Permanent, RowRefused, StorageRefused, Transient, TriedTooOften, WarehouseUnavailable
from shared.logs import log, log_outcome
from shared.pipeline import set_aside
from shared.pipeline.ids import ImageIds
from shared.pipeline.pipeline import Pipeline
from shared.types import Acknowledged, Call, Failure, Outcome, Source, Upload

if TYPE_CHECKING:
    from shared.service import Service

WITHDRAW_S = 2.0
"""The time for deleting the markers of open attempts at the end of a sweep."""

GIVE_UP_AFTER_S = 24 * 60 * 60
"""An upload that sweeps could not finish for that long, although the warehouse takes rows, is given up."""


class Sweep:
    """A sweep: one pass over the backlog.

    Safe while events arrive and while other sweeps run. Uploads without a marker go first, several in parallel.
    Uploads with a marker go last, each alone, so that an upload that kills the process gets a second marker,
    and no other upload in flight does.

    Args:
        pipeline: the pipeline that processes each upload.
        attempts: the attempt markers.
        new_call: returns the record of a new call.
        threads: the number of uploads in parallel.
        keep: delete nothing, and skip uploads that have a row.
        is_shadow: whether the sweep is of a shadow release, whose rows do not count.
        give_up_after_s: how long an upload may be postponed from sweep to sweep.
        on_outcome: called with each outcome, from several threads.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        attempts: Attempts,
        new_call: Callable[[], Call],
        *,
        threads: int,
        keep: bool = False,
        is_shadow: bool = False,
        give_up_after_s: float = GIVE_UP_AFTER_S,
        on_outcome: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._pipeline = pipeline
        self._attempts = attempts
        self._new_call = new_call
        self._threads = threads
        self._keep = keep
        self._give_up_after_s = give_up_after_s
        self._progress = SweepProgress(on_outcome)
        self._filter = UploadFilter(pipeline, keep=keep, is_shadow=is_shadow, count=self._progress.count)
        self._suspects: list[Upload] = []
        self._stopping = threading.Event()

    @classmethod
    def of(cls, service: Service, *, keep: bool, on_outcome: Callable[[str], None] = lambda _: None) -> Sweep:
        """Return a sweep with the settings and the pipeline of a service."""
        settings, platform, pipeline = service.settings, service.platform, service.pipeline()
        writer = {"service": platform.service, "revision": platform.revision, "task": platform.task_index}
        attempts = Attempts(pipeline.store, settings.quarantine_bucket, settings.attempt_timeout_s, writer)
        new_call = partial(service.call, Source.BACKLOG)
        options = {"keep": keep, "is_shadow": platform.is_shadow}
        return cls(pipeline, attempts, new_call, threads=settings.threads, on_outcome=on_outcome, **options)

    def run(self, uploads: Iterable[Upload]) -> Summary:
        """Process each upload once; an upload that cannot be finished now stays for the next sweep.

        Raises:
            BadRequest: the bucket or a table does not exist.
        """
        try:
            self._work(self._filter.select(uploads), self._try_first, self._threads)
            self._work(self._suspects, self._try_again, 1)
            self._work(self._filter.not_deleted, self._delete_again, self._threads)
        except Transient as error:
            log.error(f"sweep stopped early: {error}", extra={"fields": {"outcome": "broken_off"}})
            self._progress.cut_short()
        self._clean_up()
        return self._summary()

    def stop(self) -> None:
        """Start no more uploads; ``run`` returns when those in flight are done."""
        self._stopping.set()

    def cut_off(self) -> Summary:
        """Withdraw the attempts in flight before the process ends, within ``WITHDRAW_S``; return the summary.

        An attempt that has been in flight for longer than ``ATTEMPT_TIMEOUT_S`` hangs, and keeps its marker.
        """
        self._progress.cut_short()
        self._attempts.withdraw_all(WITHDRAW_S)
        return self._summary()

    def _work(self, uploads: Iterable[Upload], task: Callable[[Upload], str | None], width: int) -> None:
        """Run a task for each upload, ``width`` in parallel, until the list ends or the sweep is stopped."""
        running: set[Future[None]] = set()
        with ThreadPoolExecutor(width, thread_name_prefix="sweep") as pool:
            for upload in uploads:
                if not self._pipeline.wait_for_rate(self._stopping):
                    self._progress.cut_short()
                    break
                running.add(pool.submit(self._count_outcome, task, upload))
                if len(running) == width:
                    running = wait(running, return_when=FIRST_COMPLETED).not_done

    def _count_outcome(self, task: Callable[[Upload], str | None], upload: Upload) -> None:
        try:
            outcome = task(upload)
        except Transient as error:
            log.warning(f"postponed {upload.ref}: {error}", extra={"fields": {"outcome": "postponed"}})
            outcome = "postponed"
        except Exception:  # one upload's error must not end the sweep
            log.exception(f"postponed {upload.ref}: unexpected error", extra={"fields": {"outcome": "postponed"}})
            outcome = "postponed"
        if outcome:
            self._progress.count(outcome)

    def _try_first(self, upload: Upload) -> str | None:
        """Return the outcome, or None for an upload that must be processed alone at the end."""
        try:
            attempt = self._attempts.begin_first(upload.ref)
            if attempt:
                return self._try(upload, attempt)
        except Busy:
            pass  # there is memory for it after the other uploads
        except Transient as error:
            return self._postpone(upload, error)
        self._suspects.append(upload)
        return None

    def _try_again(self, upload: Upload) -> str:
        try:
            return self._try(upload, self._attempts.begin_next(upload.ref, datetime.now(UTC)))
        except TriedTooOften as error:
            return self._give_up(upload, error)
        except BeingTried:
            raise
        except Transient as error:
            return self._postpone(upload, error)

    def _try(self, upload: Upload, attempt: Attempt) -> str:
        try:
            outcome = self._pipeline.process_upload(upload, self._new_call(), remove=not self._keep)
        except Transient:
            self._attempts.withdraw(attempt)
            raise
        except Exception:
            self._attempts.keep_marker(attempt)
            raise
        self._attempts.finish(attempt)
        return _log_and_name(outcome)

    def _postpone(self, upload: Upload, error: Transient) -> str:
        """Raise the error again, so that the upload waits for another sweep; give it up if it has waited too long."""
        if not self._has_waited_too_long(upload, error):
            raise error
        log.error(f"gave up {upload.ref}: {error}", extra={"fields": {"outcome": "given_up"}})
        hours = self._give_up_after_s / 3600
        detail = (
            f"The file could not be processed for more than {hours:.0f} hours, although others were; upload it again."
        )
        return self._give_up(upload, TriedTooOften(detail))

    def _has_waited_too_long(self, upload: Upload, error: Transient) -> bool:
        if isinstance(error, WarehouseUnavailable) and not isinstance(error, RowRefused):
            return False  # no upload can get a row, so the cause is not this one
        since = self._attempts.first_postponed_at(upload.ref)
        return since is not None and (datetime.now(UTC) - since).total_seconds() > self._give_up_after_s

    def _give_up(self, upload: Upload, why: Permanent) -> str:
        try:
            outcome = self._pipeline.give_up_upload(upload, self._new_call(), why, remove=not self._keep)
        except Transient as error:
            if not self._has_waited_too_long(upload, error):
                raise
            outcome = self._pipeline.set_upload_aside(upload, self._new_call(), why)
        self._attempts.delete_markers(upload.ref)
        return _log_and_name(outcome)

    def _delete_again(self, upload: Upload) -> str:
        store, bucket = self._pipeline.store, self._pipeline.quarantine_bucket
        try:
            store.delete(upload.ref)
        except StorageRefused:
            return "skipped"
        set_aside.unmark(store, bucket, ImageIds.of_object(upload.ref).upload_id)
        return "already_done"

    def _clean_up(self) -> None:
        self._attempts.withdraw_all(WITHDRAW_S)
        if self._progress.is_cut_short:
            return
        try:
            self._attempts.remove_leftovers(datetime.now(UTC), self._filter.has_row if self._keep else lambda _: False)
        except Transient as error:
            log.warning(f"attempt markers not deleted, the next sweep will: {error}")

    def _summary(self) -> Summary:
        return self._progress.summary(None if self._keep else round(self._filter.oldest_s, 1))


def _log_and_name(outcome: Outcome) -> str:
    log_outcome(outcome)
    if isinstance(outcome, Acknowledged):
        return outcome.reason
    if isinstance(outcome, Failure):
        return "rejected" if outcome.quarantine_uri else "set_aside"
    return "predicted"
