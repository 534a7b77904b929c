"""Large pictures, many at once, stay within the memory that the settings allow: the real server, under a hard limit."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from threading import Barrier

import psutil
import pytest
import requests
from PIL import Image

from tests.conftest import World
from tests.large_pictures import VARIANTS, large_picture
from tests.local.storage_parts import free_port

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a running process's private memory")

ROOT = Path(__file__).parents[1]
AT_ONCE = 16
ALLOWANCE_BYTES = 256 << 20
THREADS = 2 * AT_ONCE + 8
"""Of the server, as functions/gunicorn.conf.py has it. All of them, and those that archive, are to be there before
memory is limited: the kernel counts a stack whole, however little of it is used."""

ROUNDS_OF_THREADS = 5
DECODERS_STACKS_BYTES = 3 * 4 * (8 << 20)
"""Of the four threads (``pillow_heif.options.DECODE_THREADS``) of each of three decodes at once, counted likewise."""

PATIENCE_S = 60
"""Never waited for in full, unless something is broken."""


@contextmanager
def served(world: World, folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Serve classify_request as it is deployed, with sixteen threads. Yields its address and its worker."""
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
    """What the kernel counts against RLIMIT_DATA (proc(5), getrlimit(2))."""
    text = Path(f"/proc/{process.pid}/status").read_text()
    [line] = [line for line in text.splitlines() if line.startswith("VmData")]
    return int(line.split()[1]) * 1024


def post_at_once(url: str, content: bytes, *, record: bool, callers: int = AT_ONCE) -> list[int]:
    together = Barrier(callers)

    def post(_: int) -> int:
        together.wait()
        query = {"record": str(record).lower()}
        return requests.post(f"{url}/v1/classify", data=content, params=query, timeout=PATIENCE_S).status_code

    with ThreadPoolExecutor(callers) as pool:
        return list(pool.map(post, range(callers)))


def small_picture() -> bytes:
    content = BytesIO()
    Image.new("RGB", (300, 200), "teal").save(content, "JPEG")
    return content.getvalue()


@pytest.mark.timeout(600)
def test_sixteen_large_pictures_at_once_get_an_answer_or_429_within_256_mib_above_idle(
    world: World, tmp_path: Path
) -> None:
    with served(world, tmp_path) as (url, worker):
        assert set(post_at_once(url, small_picture(), record=True)) == {200}
        for _ in range(ROUNDS_OF_THREADS):
            post_at_once(url, small_picture(), record=True, callers=THREADS)
        allowed = private_bytes(worker) + ALLOWANCE_BYTES + DECODERS_STACKS_BYTES
        worker.rlimit(psutil.RLIMIT_DATA, (allowed, allowed))
        answered = {variant: post_at_once(url, large_picture(variant), record=True) for variant in VARIANTS}
        assert worker.is_running()
        assert post_at_once(url, small_picture(), record=True).count(200) == AT_ONCE
    log = (tmp_path / "server.log").read_text()
    assert "MemoryError" not in log
    for variant, statuses in answered.items():
        assert set(statuses) <= {200, 429}, (variant, statuses)
        assert 200 in statuses, (variant, statuses)
