"""A process of an image, confined and stopped as on the platform."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.ports import free_port
from tests.system.image.confinement import confinement
from tests.system.image.engine import Image

START_S = 60
MOST_CHARACTERS = 4_000
GRACE_S = 10
"""The time between SIGTERM and SIGKILL: https://cloud.google.com/run/docs/container-contract."""


@dataclass
class Container:
    """A running container, and how to reach it."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def wait_until_ready(self) -> None:
        """Wait until the ready route answers, as a startup probe does."""
        give_up_at = time.monotonic() + START_S
        while not _answers(f"{self.url}/v2/health/ready"):
            assert self.process.poll() is None, self.last_output()
            assert time.monotonic() < give_up_at, self.last_output()
            time.sleep(0.05)

    def end(self) -> int:
        """Send SIGTERM; return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(GRACE_S)

    def last_output(self) -> str:
        """Return the end of its output."""
        return self.log.read_text("utf-8", "replace")[-MOST_CHARACTERS:]


@contextmanager
def started(
    image: Image, environment: Mapping[str, str], folder: Path, words: Sequence[str] = ()
) -> Iterator[Container]:
    """Start an image for the length of the block, on a root that is read-only, /tmp included.

    Args:
        image: what to start.
        environment: what the deployment sets.
        folder: for the output.
        words: another command than the image's own.
    """
    port = free_port()
    command, variables, workdir = confinement().command(
        image.root,
        [*image.entrypoint, *(words or image.cmd)],
        {**image.variables, "PORT": str(port), "HOST": "127.0.0.1", **environment},
        base=image.base,
        workdir=image.workdir,
        user=image.user,
        read_only=True,
    )
    log = folder / f"container-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=variables,
            cwd=workdir,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Container(process, f"http://127.0.0.1:{port}", log)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def as_deployed(settings: Mapping[str, str], function: str) -> dict[str, str]:
    """Return the environment of one of the functions: its settings, and what Cloud Run adds."""
    service = function.replace("_", "-")
    platform = {"K_SERVICE": service, "K_REVISION": f"{service}-00001-abc", "FUNCTION_TARGET": function}
    return {**settings, **platform}


def run(image: Image, words: Sequence[str], environment: Mapping[str, str], folder: Path) -> tuple[int, str]:
    """Run a command in an image to its end; return its exit code and its output."""
    with started(image, environment, folder, words) as container:
        code = container.process.wait(START_S)
        return code, container.last_output()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
