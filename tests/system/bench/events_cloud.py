"""A local cloud for measuring events: another process uploads, and the recorded requests show when each was done."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import requests

from shared.bundles.bundle import load_bundle
from shared.bundles.folders import bundle_folder
from shared.local.cloud import UPLOAD_BUCKET, Cloud
from shared.local.processes import ROOT, Part, parts_of
from shared.local.supervisor import Supervisor
from shared.pipeline.ids import ImageIds
from shared.settings import DEFAULT_BUNDLE, own_models
from shared.types import ObjectRef
from tests.emulators.fault_client import FaultControl
from tests.system.chaos.ports import own_ports

NO_OP = Path(__file__).with_name("events_no_op.py")
SETTLE_TIMEOUT_S = 300.0
LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class Sent:
    """An upload, and when things happened, in seconds of one clock."""

    ref: ObjectRef
    began: float
    ended: float
    """The end of the upload call."""
    recorded: float | None
    """When the warehouse answered that its row is kept; None where rows go nowhere."""
    done: float
    """When it was deleted, the last step."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What was measured over the uploads of one folder."""

    sent: list[Sent]
    cpu_s: dict[str, float]
    """CPU seconds by part, the uploader's own among them."""

    @property
    def seconds(self) -> float:
        """Return the seconds from the start of the first upload to the end of the last step of the last."""
        return max(upload.done for upload in self.sent) - min(upload.began for upload in self.sent)


class EventsCloud:
    """A running local cloud.

    Args:
        cloud: its ports and folder.
        supervisor: that runs it.
        keeps_rows: whether there are rows to wait for.
    """

    def __init__(self, cloud: Cloud, supervisor: Supervisor, *, keeps_rows: bool) -> None:
        self._cloud = cloud
        self._supervisor = supervisor
        self._keeps_rows = keeps_rows
        self._storage = FaultControl(cloud.url("storage"))
        self._warehouse = FaultControl(cloud.url("warehouse"))
        self._digest = load_bundle(bundle_folder(cloud.bundle, own_models())).digest
        self._folders = 0

    @property
    def cloud(self) -> Cloud:
        """The cloud's ports and folder."""
        return self._cloud

    def send(self, folder: Path, *, threads: int, rate: float = 0.0) -> Traffic:
        """Upload a folder, and wait until every file of it is done.

        Raises:
            TimeoutError: some were not, after five minutes.
            RuntimeError: one has no row, or the uploader failed.
        """
        self._folders += 1
        self._storage.forget()
        self._warehouse.forget()
        before = self._cpu_s()
        *uploads, own = self._uploaded(folder, f"{self._folders:03}", threads, rate)
        self._settle()
        cpu_s = {part: cpu_s - before[part] for part, cpu_s in self._cpu_s().items()}
        return Traffic(self._timed(uploads), {"uploader": own["cpu_s"], **cpu_s})

    def _uploaded(self, folder: Path, prefix: str, threads: int, rate: float) -> list[dict[str, float]]:
        return uploaded(self._cloud, folder, prefix, "--threads", str(threads), "--rate", str(rate))

    def _settle(self) -> None:
        """Wait until no event is left to deliver; the store announces an upload a moment after it answered."""
        give_up_at = time.monotonic() + SETTLE_TIMEOUT_S
        while self._waiting():
            if time.monotonic() > give_up_at:
                raise TimeoutError(
                    f"Uploads were not done after {SETTLE_TIMEOUT_S:.0f} s; the logs are in {self._cloud.folder}."
                )
            time.sleep(LOOK_S)

    def _waiting(self) -> bool:
        if requests.get(f"{self._cloud.url('relay')}/status", timeout=10).json()["pending"]:
            return True
        listing = f"{self._cloud.url('storage')}/storage/v1/b/{UPLOAD_BUCKET}/o?maxResults=1"
        return bool(requests.get(listing, timeout=10).json().get("items"))

    def _timed(self, uploads: list[dict[str, float]]) -> list[Sent]:
        refs = [ObjectRef(UPLOAD_BUCKET, str(upload["name"]), int(upload["generation"])) for upload in uploads]
        done, rows = self._deletes(), self._rows()
        sent = []
        for ref, upload in zip(refs, uploads, strict=True):
            recorded = rows.get(ImageIds.of_object(ref).prediction_id(self._digest)) if self._keeps_rows else None
            if self._keeps_rows and recorded is None:
                raise RuntimeError(f"{ref} has no row in predictions; the logs are in {self._cloud.folder}.")
            sent.append(Sent(ref, upload["began_ns"] / 1e9, upload["ended_ns"] / 1e9, recorded, done[ref.generation]))
        return sent

    def _deletes(self) -> dict[int, float]:
        """Return when each generation was deleted."""
        return {
            int(record.query["generation"]): record.ended_ns / 1e9
            for record in self._storage.records()
            if record.method == "DELETE" and record.ended_ns and "generation" in record.query
        }

    def _rows(self) -> dict[str | None, float]:
        """Return when the insert of each row was answered, by its id."""
        return {
            row_id: record.ended_ns / 1e9
            for record in self._warehouse.records()
            if record.status == 200 and record.ended_ns
            for row_id in record.row_ids
        }

    def _cpu_s(self) -> dict[str, float]:
        return {part: _cpu_s(int(identity[0])) for part, identity in self._cloud.children.items()}


@contextmanager
def open_cloud(folder: Path, *, no_op: bool = False) -> Iterator[EventsCloud]:
    """Run a cloud for the length of the block; ``no_op``: with a constant for a model, and no warehouse."""
    (folder / "logs").mkdir(parents=True)
    cloud = Cloud(folder.resolve(), own_ports(), 0, DEFAULT_BUNDLE)
    parts = _parts_without_work if no_op else parts_of
    supervisor = Supervisor(cloud, lambda _: None, sweep_every_s=0, list_parts=parts)
    try:
        supervisor.start()
        yield EventsCloud(cloud, supervisor, keeps_rows=not no_op)
    finally:
        supervisor.stop()


def uploaded(cloud: Cloud, folder: Path, prefix: str, *options: str) -> list[dict[str, float]]:
    """Upload a folder in a process of its own; return what it printed.

    Raises:
        RuntimeError: it failed.
    """
    command = (sys.executable, "-m", "tests.system.bench.events_uploader", cloud.url("storage"), str(folder), prefix)
    run = subprocess.run((*command, *options), cwd=ROOT, capture_output=True, text=True, check=False)
    if run.returncode:
        raise RuntimeError(f"The uploader ended with {run.returncode}: {run.stderr[-1000:]}")
    return [json.loads(line) for line in run.stdout.splitlines()]


def _parts_without_work(cloud: Cloud, duplicates: float) -> list[Part]:
    """List the parts of every cloud, with the upload function served from another module."""
    app = f"functions_framework:create_app('classify_upload', {str(NO_OP)!r})"
    return [
        replace(part, command=(*part.command, app)) if part.name == "classify_upload" else part
        for part in parts_of(cloud, duplicates)
    ]


def _cpu_s(pid: int) -> float:
    """CPU seconds of a process and its children so far."""
    parent = psutil.Process(pid)
    times = [process.cpu_times() for process in (parent, *parent.children(recursive=True))]
    return float(sum(spent.user + spent.system for spent in times))
