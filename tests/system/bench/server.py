"""A server in processes of its own: started, timed to its first answer, weighed, and stopped with its children."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from tests.system.bench.wire import HOST

START_S = 120.0
LOOK_S = 0.004
END_S = 4.0
REFUSALS = (405, 413, 415, 422)
"""Statuses that no waiting helps against. Other servers answer 400 or 404 while they load their model."""


class NotAnswering(Exception):
    """A server could not be started, or answered with a status other than 200. The message ends with its log."""


class Server:
    """A process and its children, in a session of their own, so that Ctrl-C is passed on in order.

    Args:
        command: the program and its arguments.
        environment: all its variables.
        folder: the working directory.
        port: where it listens on 127.0.0.1.
        log: a file for its output.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], folder: Path, port: int, log: Path
    ) -> None:
        self.port = port
        self._log = log
        self.started = time.perf_counter()
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                env=dict(environment),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Process id of the server."""
        return self._process.pid

    def first_answer(self, request: bytes) -> tuple[bytes, float]:
        """Send the request until it is answered with 200; return the answer's body, and the seconds since ``exec``.

        Raises:
                NotAnswering: the server exited, or did not answer in time.
        """
        status, body = 0, b""
        while time.perf_counter() - self.started < START_S:
            if (code := self._process.poll()) is not None:
                raise NotAnswering(f"it exited with code {code}. The end of its log:\n{self.last_lines()}")
            with suppress(OSError):
                status, body = ask(self.port, request, START_S)
            if status == 200:
                return body, time.perf_counter() - self.started
            if status in REFUSALS:
                raise NotAnswering(f"it answered {status} {body[:200]!r}. The end of its log:\n{self.last_lines()}")
            time.sleep(LOOK_S)
        raise NotAnswering(
            f"no answer with 200 in {START_S:.0f} s (last: {status} {body[:200]!r}):\n{self.last_lines()}"
        )

    def memory_mib(self) -> float:
        """Return the proportional memory of all its processes: a shared page is divided by its processes."""
        return sum(_pss(process) for process in self._family()) / 2**20

    def last_lines(self) -> str:
        """Return the end of its log."""
        lines = self._log.read_text("utf-8", "replace").splitlines()[-12:]
        return "\n".join(f"  {line}" for line in lines) or "  (nothing)"

    def stop(self) -> None:
        """Stop the server and all its children."""
        family = self._family()
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        _, stubborn = psutil.wait_procs(family, timeout=END_S)
        for process in stubborn:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(stubborn, timeout=END_S)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _family(self) -> list[psutil.Process]:
        with suppress(psutil.Error):
            first = psutil.Process(self._process.pid)
            return [first, *first.children(recursive=True)]
        return []


def ask(port: int, request: bytes, timeout_s: float = 60.0) -> tuple[int, bytes]:
    """Send one request on a connection of its own; return the status and the body.

    Raises:
            OSError: no server listens, or the connection broke.
    """
    with socket.create_connection((HOST, port), timeout_s) as connection:
        connection.sendall(request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
        answer = bytearray()
        while received := connection.recv(65536):
            answer += received
    head, _, body = bytes(answer).partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1."):
        raise ConnectionError("the answer is not HTTP")
    return int(head[9:12]), body


def _pss(process: psutil.Process) -> float:
    try:
        memory = process.memory_full_info()
    except psutil.Error:  # it has just exited
        return 0.0
    return float(getattr(memory, "pss", memory.uss))  # only Linux divides shared pages
