"""Run a step's commands in bash, in a process group of its own, which gets Ctrl-C only from this program."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

GRACE_S = 180.0
"""The time for an interrupted program to end: Terraform writes its state first."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The result of a program that exited, or was stopped."""

    exit_code: int
    output: str
    seconds: float
    is_too_late: bool = False


@dataclass
class Shell:
    """A shell that runs one program at a time.

    Attributes:
        folder: the working directory.
        variables: the environment.
    """

    folder: Path
    variables: Mapping[str, str]
    _running: subprocess.Popen[str] | None = field(default=None, init=False)

    def run(self, line: str, longest_s: float) -> Ended:
        """Run a line of bash without input, and return what it wrote to both outputs."""
        began = time.monotonic()
        command = ["bash", "-euo", "pipefail", "-c", line]
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=dict(self.variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._running = process
        is_too_late = False
        try:
            output, _ = process.communicate(timeout=longest_s)
        except subprocess.TimeoutExpired:
            is_too_late = True
            self.interrupt()
            output = self._rest(process)
        finally:
            self._running = None
        return Ended(process.returncode, output, time.monotonic() - began, is_too_late)

    def interrupt(self) -> None:
        """Send the running program the signal of Ctrl-C."""
        if self._running and self._running.poll() is None:
            os.killpg(self._running.pid, signal.SIGINT)

    def _rest(self, process: subprocess.Popen[str]) -> str:
        try:
            return process.communicate(timeout=GRACE_S)[0]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return process.communicate()[0]
