"""Start, end and look at the processes of a local cloud."""

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
    """Start a process in a session of its own: Ctrl-C is ours to pass on, in the right order."""
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
    """Kill a process and those of its workers that are in its group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def answers(url: str, patience_s: float = 2.0) -> bool:
    """Say whether a URL answers 200 within some seconds."""
    try:
        with urllib.request.urlopen(url, timeout=patience_s) as answer:  # noqa: S310  # our own http:// on loopback
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def ending_of(code: int) -> str:
    """Say how a process ended, by its return code."""
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
