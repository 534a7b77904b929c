"""Starts the real parts that the tests of the object store and the relay work with."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from tests.emulators.fault_client import FaultControl
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
HOST = "127.0.0.1"
EVENT_BUCKET = "uploads"
PATIENCE_S = 20.0
T = TypeVar("T")


def eventually(look: Callable[[], T], timeout_s: float = PATIENCE_S) -> T:
    """Return the first true value that ``look`` returns; fail if there is none for a long time."""
    give_up_at = time.monotonic() + timeout_s
    while not (actual := look()):
        assert time.monotonic() < give_up_at, f"nothing came of {look} in {timeout_s} s"
        time.sleep(0.01)
    return actual


def answers(url: str) -> bool:
    """Tell whether a URL answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@dataclass
class Process:
    """A process that can be killed and started again."""

    command: Sequence[str]
    ready_url: str
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        with self.log.open("ab") as log:
            environment = {**os.environ, "PYTHONPATH": str(ROOT), **self.environment}
            self.running = subprocess.Popen(self.command, env=environment, stdout=log, stderr=log)
        eventually(lambda: self._is_ready())

    def end(self, kill: bool = False) -> int:
        """End it with SIGTERM, or with SIGKILL; returns its exit code."""
        assert self.running
        (self.running.kill if kill else self.running.terminate)()
        try:
            return self.running.wait(PATIENCE_S)
        finally:
            self.running.kill()

    def _is_ready(self) -> bool:
        assert self.running
        assert self.running.poll() is None, f"{self.command} ended: {self.log.read_text()}"
        return answers(self.ready_url)


@contextlib.contextmanager
def running(process: Process) -> Iterator[Process]:
    """Run a process for the length of the block."""
    process.start()
    try:
        yield process
    finally:
        process.end()


@dataclass
class Storage:
    """The object store."""

    url: str
    folder: Path
    """Around the store's own."""
    store: Process

    @property
    def faults(self) -> FaultControl:
        """Its faults, and its record of requests."""
        return FaultControl(self.url)

    def set_fault(self, **fault: Any) -> None:
        """Set a fault."""
        self.faults.set(**fault)

    def forget(self) -> None:
        """Remove all faults, and the record of requests."""
        self.faults.forget()


@contextlib.contextmanager
def running_storage(folder: Path, relay_url: str | None = None) -> Iterator[Storage]:
    """Run the object store for the length of the block.

    Args:
        folder: for its files and logs.
        relay_url: URL of the relay for uploads to ``EVENT_BUCKET``.
    """
    port = free_port()
    url = f"http://{HOST}:{port}"
    command = [
        sys.executable,
        "-m",
        "shared.emulators.storage",
        "--port",
        str(port),
        "--data",
        str(folder / "objects"),
    ]
    command += ["--old-data", str(folder / "buckets")]
    command += ["--announce", EVENT_BUCKET, "--relay", relay_url] if relay_url else []
    store = Process(command, f"{url}/_bucketlens/status", folder / "store.log")
    with running(store):
        yield Storage(url, folder, store)


@contextlib.contextmanager
def client_of(url: str) -> Iterator[storage.Client]:
    """Give a client of Cloud Storage that talks to a URL without credentials."""
    # Or the client asks for each bucket by itself, in a thread, and meets the faults that are meant for the test.
    os.environ.setdefault("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
    credentials = AnonymousCredentials()
    client = storage.Client("local", credentials=credentials, client_options={"api_endpoint": url})
    try:
        yield client
    finally:
        client.close()


@dataclass
class Received:
    """A request that the target was sent."""

    headers: dict[str, str]
    """Names in small letters."""
    body: bytes


class Target:
    """A function stand-in: an HTTP server that records every request and answers as configured.

    Attributes:
        received: the requests so far.
        statuses: what the next requests are answered with; 204 when it is empty.
        gate: closed (cleared), it keeps requests waiting.
        at_once: the most requests that ever waited together.
    """

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.statuses: list[int] = []
        self.gate = threading.Event()
        self.gate.set()
        self.at_once = 0
        self._inside = 0
        self._lock = threading.Lock()
        self.port = free_port()
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """Where it listens, when it is open."""
        return f"http://{HOST}:{self.port}/"

    def open(self) -> None:
        """Start to listen."""
        target = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(target.take({name.lower(): value for name, value in self.headers.items()}, body))
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer((HOST, self.port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Let everybody go and stop listening."""
        self.gate.set()
        if self._server:
            self._server.shutdown()
            self._server.server_close()

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """Remember a request; returns the status of its answer."""
        with self._lock:
            self.received.append(Received(headers, body))
            self._inside += 1
            self.at_once = max(self.at_once, self._inside)
            status = self.statuses.pop(0) if self.statuses else 204
        self.gate.wait(PATIENCE_S)
        with self._lock:
            self._inside -= 1
        return status


@contextlib.contextmanager
def open_target() -> Iterator[Target]:
    """Give a target that listens."""
    target = Target()
    target.open()
    try:
        yield target
    finally:
        target.close()


def relay_process(folder: Path, target_url: str, *options: str, port: int | None = None) -> Process:
    """Return a relay that is not started; its queue is in ``folder``."""
    port = port or free_port()
    command = [sys.executable, "-m", "shared.emulators.eventarc", "--port", str(port)]
    command += ["--queue", str(folder / "queue.sqlite"), "--target", target_url, *options]
    return Process(command, f"http://{HOST}:{port}/status", folder / "relay.log")


def url_of(process: Process) -> str:
    """Return where a process listens, without a slash at the end."""
    parts = urlsplit(process.ready_url)
    return f"{parts.scheme}://{parts.netloc}"
