"""Start, kill and probe the processes of a local cloud."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Collection

from shared.local.cloud import Cloud


def spawn(
    command: tuple[str, ...], environment: dict[str, str], cloud: Cloud, name: str, descriptors: Collection[int] = ()
) -> subprocess.Popen[bytes]:
    """Start a process in its own session, so that the supervisor alone decides in which order Ctrl-C ends the parts.

    Args:
        command: the command line.
        environment: the whole environment of the process.
        cloud: its folder is the working directory.
        name: the log's name; output is appended to it.
        descriptors: file descriptors that the process inherits.
    """
    with cloud.log_file(name).open("ab") as log:
        return subprocess.Popen(
            command,
            env=environment,
            cwd=cloud.folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=descriptors,
        )


def kill_group(pid: int) -> None:
    """Kill a process and every process of its group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def answers(url: str, timeout_s: float = 2.0) -> bool:
    """Return whether a URL answers 200 within ``timeout_s`` seconds."""
    try:
        with urllib.request.urlopen(url, timeout=timeout_s) as response:  # noqa: S310  # our own http:// on loopback
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def ending_of(code: int) -> str:
    """Return how a process ended, as text, from its return code."""
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
