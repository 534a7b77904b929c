"""Jobs: running, finished, and the results that can still be read. They are in memory only."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any

import duckdb

from shared.emulators.bigquery.errors import ApiError, from_duckdb, not_found
from shared.emulators.bigquery.schema_fields import Field

_LOG = logging.getLogger(__name__)

MAX_JOBS = 1000
MAX_RESULTS = 200
"""The most results that are stored; BigQuery stores them for a day."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a job."""

    fields: tuple[Field, ...] = ()
    total_rows: int = 0
    result: str | None = None
    """The table in memory that holds the rows; None if the job has no rows to read."""
    affected: int | None = None
    """Number of rows that a DML statement changed."""
    statistics: Mapping[str, Any] = field(default_factory=dict)
    """The content of ``statistics.query``."""


@dataclass(eq=False, slots=True)
class Job:
    """A job. Any thread may read its state; the thread that runs it changes it."""

    id: str
    project: str
    configuration: Mapping[str, Any]
    created_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
    started_ms: int = 0
    ended_ms: int = 0
    outcome: Outcome = field(default_factory=Outcome)
    error: ApiError | None = None
    cancel: Callable[[], object] = lambda: None
    done: Future[None] = field(default_factory=Future)

    @property
    def state(self) -> str:
        """PENDING, RUNNING or DONE."""
        return "DONE" if self.done.done() else "RUNNING" if self.started_ms else "PENDING"


class Jobs:
    """The jobs of this process; the oldest are forgotten first. Any thread may use it."""

    def __init__(self, project: str, workers: Executor, drop_result: Callable[[str], None]) -> None:
        self._project = project
        self._workers = workers
        self._drop_result = drop_result
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._by_request: OrderedDict[str, Job] = OrderedDict()
        self._lock = threading.Lock()

    def start(
        self, job_id: str | None, configuration: Mapping[str, Any], work: Callable[[Job], Outcome], request_id: str = ""
    ) -> Job:
        """Start a job.

        Args:
            job_id: the job's id; None for a random one.
            configuration: the job's configuration, as BigQuery returns it.
            work: runs in a worker thread; an exception of it becomes the job's error.
            request_id: the ``requestId`` of jobs.query; a request that is sent twice starts one job.

        Raises:
            ApiError: duplicate: a job with this id exists.
        """
        job = Job(job_id or f"job_{uuid.uuid4().hex}", self._project, configuration)
        with self._lock:
            if job.id in self._jobs:
                raise ApiError("duplicate", f"Already Exists: Job {self._project}:US.{job.id}")
            self._jobs[job.id] = job
            if request_id:
                self._by_request[request_id] = job
        self._forget_old()
        self._workers.submit(self._run, job, work)
        return job

    def find_by_request(self, request_id: str) -> Job | None:
        """Return the job that an earlier request with this id started, if any."""
        return self._by_request.get(request_id) if request_id else None

    def job(self, job_id: str) -> Job:
        """Return a job.

        Raises:
            ApiError: notFound.
        """
        job = self._jobs.get(job_id)
        if job is None:
            raise not_found("Job", f"{self._project}:US.{job_id}")
        return job

    def fields_of_result(self, job_id: str) -> tuple[Field, ...]:
        """Return the columns of a query's result.

        Raises:
            ApiError: notFound: the job does not exist, or its result is not stored.
        """
        outcome = self.job(job_id).outcome
        if outcome.result is None:
            raise ApiError("notFound", f"Not found: job {job_id} has no result, or it is no longer stored")
        return outcome.fields

    def newest_first(self) -> list[Job]:
        """Return the remembered jobs, newest first."""
        with self._lock:
            return list(reversed(self._jobs.values()))

    def forget(self, job_id: str) -> None:
        """Forget a job that has ended, with its result.

        Raises:
            ApiError: notFound; resourceInUse while it runs.
        """
        job = self.job(job_id)
        if job.state != "DONE":
            raise ApiError("resourceInUse", f"Job {job_id} is still running")
        with self._lock:
            self._jobs.pop(job_id, None)
        if job.outcome.result:
            self._drop_result(job.outcome.result)

    def cancel_all(self) -> None:
        """Interrupt all running jobs."""
        for job in self.newest_first():
            if job.state != "DONE":
                job.cancel()

    def _run(self, job: Job, work: Callable[[Job], Outcome]) -> None:
        job.started_ms = time.time_ns() // 1_000_000
        try:
            job.outcome = work(job)
        except ApiError as error:
            job.error = error
        except duckdb.Error as error:
            job.error = from_duckdb(error)
        except BaseException as error:
            _LOG.exception("job %s failed", job.id)
            job.error = ApiError("invalid", f"The local warehouse failed: {type(error).__name__}: {error}")
        finally:
            job.ended_ms = time.time_ns() // 1_000_000
            job.done.set_result(None)

    def _forget_old(self) -> None:
        with self._lock:
            ended = [job for job in self._jobs.values() if job.state == "DONE"]
            for job in ended[: max(0, len(self._jobs) - MAX_JOBS)]:
                del self._jobs[job.id]
            held = [job for job in ended if job.outcome.result]
            for job in held[: max(0, len(held) - MAX_RESULTS)]:
                self._drop_result(job.outcome.result or "")
                job.outcome = Outcome(job.outcome.fields, statistics=job.outcome.statistics)
            while len(self._by_request) > MAX_JOBS:
                self._by_request.popitem(last=False)
