"""The sweep: uploads go through the pipeline, and one that kills the process takes no other down with it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from shared.backlog.attempts import Attempts, BeingTried
from shared.backlog.progress import SweepProgress
from shared.backlog.standing_markers import Attempt
from shared.backlog.summary import Summary
from shared.backlog.triage import Sieve
from shared.errors import Busy, Permanent, RowRefused, StorageRefused, Transient, TriedTooOften, WarehouseUnavailable
from shared.logs import log, log_outcome
from shared.pipeline import set_aside
from shared.pipeline.ids import ImageIds
from shared.pipeline.pipeline import Pipeline
from shared.types import Acknowledged, Call, Failure, Outcome, Source, Upload

if TYPE_CHECKING:
    from shared.service import Service

GIVE_BACK_S = 2.0
GIVE_UP_AFTER_S = 24 * 60 * 60
"""An upload that sweeps could not finish for so long, in spite of a warehouse that takes rows, is given up."""


class Sweep:
    """One sweep. Safe beside live events and beside other sweeps.

    Uploads that nobody has begun go first, several at once. Those that bear a marker go last and alone, so that one
    that kills the process leaves a second marker on itself only, and not on those that happened to be beside it.

    Args:
        pipeline: what an upload goes through.
        attempts: where attempts are marked.
        new_call: begins the record of one call.
        threads: how many at once.
        keep: delete nothing, and skip what has a row.
        is_shadow: whether its rows count nowhere, and are asked for by nobody else.
        give_up_after_s: how long an upload may be postponed from sweep to sweep.
        notice: told each outcome as it comes, from several threads.
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
        notice: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._pipeline = pipeline
        self._attempts = attempts
        self._new_call = new_call
        self._threads = threads
        self._keep = keep
        self._give_up_after_s = give_up_after_s
        self._progress = SweepProgress(notice)
        self._sieve = Sieve(pipeline, keep=keep, is_shadow=is_shadow, count=self._progress.count)
        self._suspects: list[Upload] = []
        self._stopping = threading.Event()

    @classmethod
    def of(cls, service: Service, *, keep: bool, notice: Callable[[str], None] = lambda _: None) -> Sweep:
        """Return a sweep that works with what a process has."""
        settings, platform, pipeline = service.settings, service.platform, service.pipeline()
        writer = {"service": platform.service, "revision": platform.revision, "task": platform.task_index}
        attempts = Attempts(pipeline.store, settings.quarantine_bucket, settings.attempt_timeout_s, writer)
        new_call = partial(service.call, Source.BACKLOG)
        options = {"keep": keep, "is_shadow": platform.is_shadow}
        return cls(pipeline, attempts, new_call, threads=settings.threads, notice=notice, **options)

    def run(self, uploads: Iterable[Upload]) -> Summary:
        """Take each upload once; what cannot be done now stays for the next sweep.

        Raises:
            BadRequest: the uploads cannot be listed, or the warehouse cannot be asked, as things are.
        """
        try:
            self._work(self._sieve.work_in(uploads), self._try_first, self._threads)
            self._work(self._suspects, self._try_again, 1)
            self._work(self._sieve.not_deleted, self._delete_again, self._threads)
        except Transient as error:
            log.error(f"the sweep breaks off: {error}", extra={"fields": {"outcome": "broken_off"}})
            self._progress.cut_short()
        self._tidy()
        return self._summary()

    def stop(self) -> None:
        """Begin no more uploads; ``run`` returns when those in flight are done."""
        self._stopping.set()

    def cut_off(self) -> Summary:
        """Give back what is still in flight, for a process that is about to end. Takes ``GIVE_BACK_S`` at most.

        What has been in flight for longer than ``ATTEMPT_TIMEOUT_S`` hangs, and keeps its marker.
        """
        self._progress.cut_short()
        self._attempts.give_back_all(GIVE_BACK_S)
        return self._summary()

    def _work(self, uploads: Iterable[Upload], task: Callable[[Upload], str | None], width: int) -> None:
        """Do a task for each upload, ``width`` at once, until the list ends or somebody asks to stop."""
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
        except Exception:  # whatever one upload does, the others are not to suffer from it
            log.exception(f"postponed {upload.ref}: nobody foresaw this", extra={"fields": {"outcome": "postponed"}})
            outcome = "postponed"
        if outcome:
            self._progress.count(outcome)

    def _try_first(self, upload: Upload) -> str | None:
        """Return the outcome, or None for an upload that is to be tried alone, at the end."""
        try:
            attempt = self._attempts.begin_first(upload.ref)
            if attempt:
                return self._try(upload, attempt)
        except Busy:
            pass  # there is room once the others are done
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
            self._attempts.give_back(attempt)
            raise
        except Exception:
            self._attempts.leave(attempt)
            raise
        self._attempts.finish(attempt)
        return _told(outcome)

    def _postpone(self, upload: Upload, error: Transient) -> str:
        """Raise the error again, so that the upload waits for another sweep; give it up if it has waited too long."""
        if not self._has_waited_too_long(upload, error):
            raise error
        log.error(f"gives up {upload.ref}: {error}", extra={"fields": {"outcome": "given_up"}})
        hours = self._give_up_after_s / 3600
        why = f"For more than {hours:.0f} hours the file could not be finished, although others were; upload it again."
        return self._give_up(upload, TriedTooOften(why))

    def _has_waited_too_long(self, upload: Upload, error: Transient) -> bool:
        if isinstance(error, WarehouseUnavailable) and not isinstance(error, RowRefused):
            return False  # no upload can get a row, so this one is not to blame
        since = self._attempts.first_postponed_at(upload.ref)
        return since is not None and (datetime.now(UTC) - since).total_seconds() > self._give_up_after_s

    def _give_up(self, upload: Upload, why: Permanent) -> str:
        try:
            outcome = self._pipeline.give_up_upload(upload, self._new_call(), why, remove=not self._keep)
        except Transient as error:
            if not self._has_waited_too_long(upload, error):
                raise
            outcome = self._pipeline.set_upload_aside(upload, self._new_call(), why)
        self._attempts.forget(upload.ref)
        return _told(outcome)

    def _delete_again(self, upload: Upload) -> str:
        store, bucket = self._pipeline.store, self._pipeline.quarantine_bucket
        try:
            store.delete(upload.ref)
        except StorageRefused:
            return "skipped"
        set_aside.unmark(store, bucket, ImageIds.of_object(upload.ref).upload_id)
        return "already_done"

    def _tidy(self) -> None:
        self._attempts.give_back_all(GIVE_BACK_S)
        if self._progress.is_cut_short:
            return
        try:
            self._attempts.remove_leftovers(datetime.now(UTC), self._sieve.has_row if self._keep else lambda _: False)
        except Transient as error:
            log.warning(f"some attempt markers are left to the next sweep: {error}")

    def _summary(self) -> Summary:
        return self._progress.summary(None if self._keep else round(self._sieve.oldest_s, 1))


def _told(outcome: Outcome) -> str:
    log_outcome(outcome)
    if isinstance(outcome, Acknowledged):
        return outcome.reason
    if isinstance(outcome, Failure):
        return "rejected" if outcome.quarantine_uri else "set_aside"
    return "predicted"
