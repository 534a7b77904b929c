"""The sweep: uploads go through the pipeline, and one that kills the process takes no other down with it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from shared.attempts import Attempt, Attempts
from shared.errors import Busy, Transient, TriedTooOften, UnknownModel
from shared.logs import log, log_outcome
from shared.pipeline import Pipeline
from shared.recorded import batches, recorded
from shared.types import Acknowledged, Call, Failure, ObjectRef, Outcome, Source, Upload

if TYPE_CHECKING:
    from shared.service import Service

GIVE_BACK_S = 2.0
OUTCOMES = ("predicted", "rejected", "already_done", "superseded", "postponed", "skipped")
"""What becomes of an upload; ``skipped`` ones are recorded already, ``postponed`` ones wait for the next sweep."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What came of a sweep."""

    outcomes: Counter[str] = field(default_factory=Counter)
    """How many, by ``OUTCOMES``."""
    seconds: float = 0.0
    is_cut_short: bool = False
    """Whether it ended before the end of the list."""
    oldest_upload_s: float | None = None
    """How long the oldest upload had waited for when it was found; 0 where none waits. None with ``keep``."""

    @property
    def images_per_s(self) -> float:
        """How many got a row, a second."""
        return (self.outcomes["predicted"] + self.outcomes["rejected"]) / self.seconds if self.seconds else 0.0

    @property
    def exit_code(self) -> int:
        """0: nothing is left; 1: something must wait for the next sweep."""
        return 1 if self.outcomes["postponed"] or self.is_cut_short else 0

    def figures(self) -> dict[str, int | float]:
        """Return all that there is to tell, by name, in order."""
        counts = {outcome: self.outcomes[outcome] for outcome in OUTCOMES}
        return {**counts, "seconds": round(self.seconds, 1), "images_per_s": round(self.images_per_s, 1)}


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
        notice: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._pipeline = pipeline
        self._attempts = attempts
        self._new_call = new_call
        self._threads = threads
        self._keep = keep
        self._notice = notice
        self._outcomes: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._suspects: list[Upload] = []
        self._stopping = threading.Event()
        self._is_cut_short = False
        self._started = time.monotonic()
        self._oldest_s = 0.0

    @classmethod
    def of(cls, service: Service, *, keep: bool, notice: Callable[[str], None] = lambda _: None) -> Sweep:
        """Return a sweep that works with what a process has."""
        settings, platform, pipeline = service.settings, service.platform, service.pipeline()
        who = {"service": platform.service, "revision": platform.revision, "task": platform.task_index}
        attempts = Attempts(pipeline.store, settings.quarantine_bucket, settings.attempt_timeout_s, who)
        new_call = partial(service.call, Source.BACKLOG)
        return cls(pipeline, attempts, new_call, threads=settings.threads, keep=keep, notice=notice)

    def run(self, uploads: Iterable[Upload]) -> Summary:
        """Take each upload once; what cannot be done now stays for the next sweep.

        Raises:
            BadRequest: the uploads cannot be listed, or the warehouse cannot be asked, as things are.
        """
        try:
            uploads = self._not_recorded(uploads) if self._keep else self._with_their_ages(uploads)
            self._work(uploads, self._try_first, self._threads)
            self._work(self._suspects, self._try_again, 1)
        except Transient as error:
            log.error(f"the sweep breaks off: {error}", extra={"fields": {"outcome": "broken_off"}})
            self._is_cut_short = True
        self._tidy()
        return self._summary()

    def stop(self) -> None:
        """Begin no more uploads; ``run`` returns when those in flight are done."""
        self._stopping.set()

    def cut_off(self) -> Summary:
        """Give back what is still in flight, for a process that is about to end. Takes ``GIVE_BACK_S`` at most."""
        self._is_cut_short = True
        self._attempts.give_back_all(GIVE_BACK_S)
        return self._summary()

    def _work(self, uploads: Iterable[Upload], task: Callable[[Upload], str | None], width: int) -> None:
        """Do a task for each upload, ``width`` at once, until the list ends or somebody asks to stop."""
        running: set[Future[None]] = set()
        with ThreadPoolExecutor(width, thread_name_prefix="sweep") as pool:
            for upload in uploads:
                if not self._pipeline.rate.wait(self._stopping):
                    self._is_cut_short = True
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
            self._count(outcome)

    def _try_first(self, upload: Upload) -> str | None:
        """Return the outcome, or None for an upload that is to be tried alone, at the end."""
        try:
            attempt = self._attempts.begin_first(upload.ref)
            if attempt:
                return self._try(upload, attempt)
        except Busy:
            pass  # there is room once the others are done
        self._suspects.append(upload)
        return None

    def _try_again(self, upload: Upload) -> str:
        try:
            attempt = self._attempts.begin_next(upload.ref, datetime.now(UTC))
        except TriedTooOften as error:
            outcome = self._pipeline.give_up(upload, self._new_call(), error, remove=not self._keep)
            self._attempts.forget(upload.ref)
            return _told(outcome)
        return self._try(upload, attempt)

    def _try(self, upload: Upload, attempt: Attempt) -> str:
        try:
            outcome = self._pipeline.process(upload, self._new_call(), remove=not self._keep)
        except Transient:
            self._attempts.give_back(attempt)
            raise
        except Exception:
            self._attempts.leave(attempt)
            raise
        self._attempts.finish(attempt)
        return _told(outcome)

    def _tidy(self) -> None:
        self._attempts.give_back_all(GIVE_BACK_S)
        if self._is_cut_short:
            return
        try:
            self._attempts.remove_leftovers(datetime.now(UTC), self._has_row if self._keep else lambda _: False)
        except Transient as error:
            log.warning(f"some attempt markers are left to the next sweep: {error}")

    def _not_recorded(self, uploads: Iterable[Upload]) -> Iterator[Upload]:
        for batch in batches(uploads):
            known = recorded(self._pipeline.warehouse, {upload.ref: [self._digest_for(upload)] for upload in batch})
            for upload in batch:
                if upload.ref in known:
                    self._count("skipped")
                else:
                    yield upload

    def _with_their_ages(self, uploads: Iterable[Upload]) -> Iterator[Upload]:
        for upload in uploads:
            self._oldest_s = max(self._oldest_s, (datetime.now(UTC) - upload.ref.created_at).total_seconds())
            yield upload

    def _has_row(self, ref: ObjectRef) -> bool:
        digests = [classifier.bundle.digest for classifier in self._pipeline.classifiers]
        return bool(recorded(self._pipeline.warehouse, {ref: digests}))

    def _digest_for(self, upload: Upload) -> str:
        """Return the digest of the model that an upload is for; one that is not served can only be rejected."""
        try:
            return self._pipeline.classifiers.of(upload).bundle.digest
        except UnknownModel:
            return ""

    def _count(self, outcome: str) -> None:
        with self._lock:
            self._outcomes[outcome] += 1
        self._notice(outcome)

    def _summary(self) -> Summary:
        with self._lock:
            oldest_s = None if self._keep else round(self._oldest_s, 1)
            return Summary(Counter(self._outcomes), time.monotonic() - self._started, self._is_cut_short, oldest_s)


def log_summary(summary: Summary) -> None:
    """Write the one line that a sweep leaves."""
    figures = summary.figures()
    counted = ", ".join(f"{figures[outcome]} {outcome}" for outcome in OUTCOMES if figures[outcome])
    log.info(
        f"swept: {counted or 'nothing was waiting'}{', and was cut short' if summary.is_cut_short else ''}",
        extra={
            "fields": {
                "outcome": "swept",
                **figures,
                "cut_short": summary.is_cut_short,
                "oldest_upload_s": summary.oldest_upload_s,
            }
        },
    )


def _told(outcome: Outcome) -> str:
    log_outcome(outcome)
    if isinstance(outcome, Acknowledged):
        return outcome.why
    return "rejected" if isinstance(outcome, Failure) else "predicted"
