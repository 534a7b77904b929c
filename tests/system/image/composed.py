"""Run the service of functions/compose.yaml without an engine: its command, volumes, health check and ``exec``."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

from tests.system.image.confinement import OUR_PATH, confinement
from tests.system.image.engine import ROOT, Image

FILE = ROOT / "functions" / "compose.yaml"
VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")
EXEC_S = 60
MOST_CHARACTERS = 4_000


@dataclass(frozen=True)
class Composed:
    """A running service, with a network of its own as in an engine."""

    process: subprocess.Popen[bytes]
    image: Image
    service: Mapping[str, Any]
    log: Path

    def exec(self, *words: str) -> tuple[int, str]:
        """Run a command in it, as `docker compose exec` does; return its exit code and its output."""
        user = [] if self.image.user is None else ["-S", str(self.image.user.uid), "-G", str(self.image.user.gid)]
        user_options = user if confinement().changes_user else ["--user", "--preserve-credentials"]
        enter = ["nsenter", "--target", str(self.process.pid), "--mount", "--net", "--root", *user_options]
        assignments = [f"{name}={value}" for name, value in self.image.variables.items()]
        command = [*enter, "env", f"--chdir={self.image.workdir}", "--ignore-environment", *assignments, *words]
        done = subprocess.run(
            command, env={"PATH": OUR_PATH}, capture_output=True, text=True, timeout=EXEC_S, check=False
        )
        return done.returncode, done.stdout + done.stderr

    def wait_until_healthy(self) -> None:
        """Run its health check as often as the file sets, for as long as it may take to start."""
        check = self.service["healthcheck"]
        give_up_at = time.monotonic() + _seconds(check["start_period"]) + check["retries"] * _seconds(check["interval"])
        assert check["test"][0] == "CMD"
        while (done := self.exec(*check["test"][1:]))[0] != 0:
            assert self.process.poll() is None, self.last_output()
            assert time.monotonic() < give_up_at, f"{done[1]}\n{self.last_output()}"
            time.sleep(_seconds(check["start_interval"]))

    def end(self) -> int:
        """Send SIGTERM; return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_seconds(self.service["stop_grace_period"]))

    def last_output(self) -> str:
        """Return the end of its output."""
        return self.log.read_text("utf-8", "replace")[-MOST_CHARACTERS:]


def service_of(variables: Mapping[str, str]) -> dict[str, Any]:
    """Return the service of the file, with values for its variables."""
    text = VARIABLE.sub(lambda match: variables.get(match[1], match[2] or ""), FILE.read_text("utf-8"))
    [service] = yaml.safe_load(text)["services"].values()
    return dict(service)


@contextmanager
def composed(image: Image, service: Mapping[str, Any], volumes: Sequence[str], folder: Path) -> Iterator[Composed]:
    """Run a service for the length of the block, confined as the file sets.

    Args:
        image: of the service's target.
        service: as ``service_of`` returns it.
        volumes: as the file's, with folders of this machine in place of names.
        folder: for its output.
    """
    command, variables, workdir = confinement().command(
        image.root,
        [*image.entrypoint, *service["command"]],
        image.variables,
        base=image.base,
        workdir=image.workdir,
        user=image.user,
        read_only=service["read_only"],
        memory="/tmp" in service["tmpfs"],
        volumes=volumes,
        alone=True,
    )
    log = folder / "composed.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=variables, cwd=workdir, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield Composed(process, image, service, log)
    finally:
        for member in _family(process.pid):
            with suppress(psutil.Error):
                member.kill()
        process.wait()


def _family(pid: int) -> list[psutil.Process]:
    with suppress(psutil.Error):
        first = psutil.Process(pid)
        return [*first.children(recursive=True), first]
    return []


def _seconds(duration: str) -> int:
    assert duration.endswith("s")
    return int(duration[:-1])
