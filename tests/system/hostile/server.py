"""A function served as it is deployed, with its log and its peak memory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import requests

from shared.http.gunicorn_worker import LingeringWorker
from shared.settings import inherited_environment
from tests.emulators.storage_parts import eventually
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[3]
CONFIGURATION = ROOT / "functions" / "gunicorn.conf.py"
PATIENCE_S = 60
PEAK_RESET = "5"
"""See proc(5), /proc/pid/clear_refs."""


class ImpatientWorker(LingeringWorker):
    """The deployed worker, with shorter timeouts."""

    headers_s = 1.0


@dataclass(frozen=True)
class Server:
    """A running function."""

    url: str
    worker: psutil.Process
    log: Path

    def lines(self) -> list[str]:
        """Lines of its log."""
        return self.log.read_text("utf-8").splitlines()

    def errors(self) -> str:
        """What gunicorn and others wrote outside of the log."""
        return Path(f"{self.log}.err").read_text("utf-8", errors="replace")

    def forget_peak(self) -> None:
        """Reset the peak memory; only Linux has it."""
        if sys.platform == "linux":
            Path(f"/proc/{self.worker.pid}/clear_refs").write_text(PEAK_RESET)

    def peak_bytes(self) -> int:
        """The peak memory since ``forget_peak``; elsewhere than on Linux, the memory that it takes now."""
        if sys.platform != "linux":
            return int(self.worker.memory_info().rss)
        status = Path(f"/proc/{self.worker.pid}/status").read_text()
        [line] = [line for line in status.splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024


@contextmanager
def served(target: str, settings: dict[str, str], folder: Path, *, is_impatient: bool = False) -> Iterator[Server]:
    """Serve a function under gunicorn for the length of the block; it is ready."""
    port, log = free_port(), folder / f"{target}-{is_impatient}.log"
    environment = inherited_environment(settings) | {"FUNCTION_TARGET": target, "HOST": "127.0.0.1", "PORT": str(port)}
    environment |= {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "gunicorn", "--config", str(CONFIGURATION)]
    if is_impatient:
        command += ["--worker-class", f"{__name__}.{ImpatientWorker.__name__}"]
    with log.open("wb") as out, (folder / f"{log.name}.err").open("wb") as errors:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=errors)
    try:
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: _is_ready(url))
        [worker] = psutil.Process(process.pid).children()
        yield Server(url, worker, log)
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def _is_ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/v2/health/ready", timeout=PATIENCE_S).ok
    except requests.ConnectionError:
        return False
