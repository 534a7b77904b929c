"""Serve a function under gunicorn, as it is deployed, and read its memory from the kernel."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import requests

from tests.ports import free_port
from tests.worlds import World

ROOT = Path(__file__).parents[1]
AT_ONCE = 16
ALLOWANCE_BYTES = 256 << 20
PATIENCE_S = 60
"""The longest wait, which is reached only if something is broken."""


@contextmanager
def served(world: World, folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Serve classify_request as it is deployed, with sixteen threads; yield its address and its worker."""
    port = free_port()
    environment = os.environ | world.environment | {"FUNCTION_TARGET": "classify_request", "THREADS": str(AT_ONCE)}
    environment |= {"HOST": "127.0.0.1", "PORT": str(port), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "gunicorn", "--config", str(ROOT / "functions" / "gunicorn.conf.py")]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_ready(url)
        [worker] = psutil.Process(server.pid).children()
        yield url, worker
    finally:
        server.terminate()
        server.wait(PATIENCE_S)


def wait_until_ready(url: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        try:
            if requests.get(f"{url}/v2/health/ready", timeout=PATIENCE_S).ok:
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.1)
    raise AssertionError("the function did not become ready")


def private_bytes(process: psutil.Process) -> int:
    """Return the bytes that the kernel counts against RLIMIT_DATA (proc(5), getrlimit(2))."""
    text = Path(f"/proc/{process.pid}/status").read_text()
    [line] = [line for line in text.splitlines() if line.startswith("VmData")]
    return int(line.split()[1]) * 1024
