"""Many large pictures in parallel stay within the memory of the settings: the real server, under a hard limit."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from threading import Barrier

import psutil
import pytest
import requests
from PIL import Image

from tests.large_pictures import VARIANTS, large_picture
from tests.limited_server import ALLOWANCE_BYTES, AT_ONCE, PATIENCE_S, private_bytes, served
from tests.worlds import World

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a running process's private memory")

ROOT = Path(__file__).parents[2]
THREADS = 2 * AT_ONCE + 8
"""Threads of the server, as in functions/gunicorn.conf.py. All of them, and those that archive, must exist before
memory is limited: the kernel counts a whole stack, however little of it is used."""

ROUNDS_OF_THREADS = 5
DECODERS_STACKS_BYTES = 3 * 4 * (8 << 20)
"""Stacks of the four threads (``pillow_heif.options.DECODE_THREADS``) of each of three decodes, counted likewise."""


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
def test_memory_limit_holds_for_sixteen_large_pictures_in_parallel(world: World, tmp_path: Path) -> None:
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
