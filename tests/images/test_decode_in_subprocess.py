"""The system ends a decoder that exceeds its limits, without harm to others; its end decides the picture's error."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image as Pillow

from shared.errors import Busy, DamagedImage, NotAnImage, TooCostly, TooManyPixels
from shared.images import decode_in_process, decode_in_subprocess
from shared.images.decode import Limits, decode
from shared.images.memory_budget import UNLIMITED, MemoryBudget
from tests.pictures import COLOURED, GREY, encoded, scene, smooth

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="Windows has no limits for a process of its own"),
    pytest.mark.needs("process"),
]

ROOT = Path(__file__).parents[2]
LIMITS = Limits()
TIMEOUT_S = 60
"""Reached only if something is broken."""

RUN_AWAY = """
from shared.images import decode_in_process
from shared.images import decode_worker
def run_away(content, max_pixels, shrink_to_px, budget):
    with budget.room_for(1):
        {what}
decode_in_process.decode = run_away
decode_worker.CPU_S = 1
decode_worker.CLOCK_FACTOR = {clock_factor}
decode_worker.main(int(sys.argv[1]))
"""
NOT_PLAIN = ("TIFF", "AVIF", "HEIC", "WebP lossless", "WebP with alpha")
PLAIN = [kind for kind, (format, _) in COLOURED.items() if format in ("jpeg", "png", "gif", "bmp")] + ["WebP lossy"]


@pytest.fixture(autouse=True)
def fresh_workers() -> Iterator[None]:
    decode_in_subprocess._workers.end()
    yield
    decode_in_subprocess._workers.end()


def run_away(monkeypatch: pytest.MonkeyPatch, what: str, clock_factor: float = 600) -> None:
    """Decode a picture in a worker whose decoder runs ``what`` instead, and then another picture in a new worker."""
    start = f"exec({RUN_AWAY.format(what=what, clock_factor=clock_factor)!r})"
    with monkeypatch.context() as patched:
        patched.setattr(decode_in_subprocess, "START", start)
        try:
            decode(encoded(scene(), "TIFF"), LIMITS)
        finally:
            patched.undo()
            assert decode(encoded(scene(), "TIFF"), LIMITS).width_px == 64


@pytest.mark.parametrize("kind", [*NOT_PLAIN, *(kind for kind in GREY if "TIFF" in kind)])
def test_subprocess_decodes_the_same_pixels_as_this_process(kind: str) -> None:
    content = {**COLOURED, **GREY}[kind][1]()
    for shrink_to_px in (None, 16):
        apart = decode(content, LIMITS, shrink_to_px=shrink_to_px)
        here = decode_in_process.decode(content, LIMITS.max_pixels, shrink_to_px, UNLIMITED)
        assert np.array_equal(apart.pixels, here.pixels)
        assert (apart.format, apart.width_px, apart.height_px) == (here.format, here.width_px, here.height_px)
        assert (apart.orientation, apart.note) == (here.orientation, here.note)


@pytest.mark.parametrize("kind", PLAIN)
def test_subprocess_is_not_started_for_a_plain_picture(kind: str) -> None:
    decode(COLOURED[kind][1](), LIMITS)
    assert decode_in_subprocess._workers._free == []


def test_worker_decodes_one_picture_after_the_other() -> None:
    pids = set()
    for content in (encoded(scene(), "TIFF"), encoded(scene(), "AVIF"), b"II*\0broken", encoded(scene(), "HEIF")):
        with suppress(DamagedImage):
            decode(content, LIMITS)
        [worker] = decode_in_subprocess._workers._free
        pids.add(worker._process.pid)
    assert len(pids) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="macOS does not heed a limit on memory")
def test_worker_that_takes_more_memory_than_reserved_makes_it_too_costly(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TooCostly, match="more time or memory"):
        run_away(monkeypatch, "bytearray(200 << 20)")


def test_worker_that_takes_too_much_processor_time_makes_it_too_costly(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TooCostly, match="more time or memory"):
        run_away(monkeypatch, "sum(range(10**15))")


def test_worker_that_waits_for_the_processor_too_long_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Busy):
        run_away(monkeypatch, "import time; time.sleep(600)", clock_factor=0.2)


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT", "SIGBUS"])
def test_worker_that_crashes_makes_it_a_damaged_image(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DamagedImage, match="crashes on it"):
        run_away(monkeypatch, f"import os, signal; os.kill(os.getpid(), signal.{name})")


def test_worker_that_the_system_kills_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when other processes take all the memory."""
    with pytest.raises(Busy):
        run_away(monkeypatch, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")


def test_worker_without_room_decodes_nothing_and_takes_the_next_picture() -> None:
    budget = MemoryBudget(10_000_000, timeout_s=0)
    content = encoded(smooth(300, 200), "AVIF")
    with budget.room_for(10_000_000), pytest.raises(Busy, match="fill the memory"):
        decode(content, LIMITS, budget=budget)
    [worker] = decode_in_subprocess._workers._free
    assert worker.is_alive
    assert decode(content, LIMITS, budget=budget).width_px == 300
    assert decode_in_subprocess._workers._free == [worker]


def test_subprocess_refuses_with_the_same_message_as_this_process() -> None:
    with pytest.raises(TooManyPixels, match="64 x 48 pixels, 3,072 to decode, which is over the limit of 3,000"):
        decode(encoded(scene(), "TIFF"), Limits(max_pixels=3000))
    with pytest.raises(NotAnImage, match="a TIFF of 5 bands"):
        decode(five_bands(), LIMITS)


def five_bands() -> bytes:
    content = encoded(Pillow.new("CMYK", (8, 8)), "TIFF")
    return content.replace(b"\x15\x01\x03\0\x01\0\0\0\x04\0", b"\x15\x01\x03\0\x01\0\0\0\x05\0")


def test_worker_that_ended_between_pictures_is_replaced() -> None:
    content = encoded(scene(), "TIFF")
    decode(content, LIMITS)
    [worker] = decode_in_subprocess._workers._free
    worker._process.kill()
    worker._process.wait()
    assert decode(content, LIMITS).width_px == 64


def test_worker_ends_with_its_host() -> None:
    script = """
import io
import os
from shared.images import decode_in_subprocess
from shared.images.decode import Limits, decode
from tests.pictures import encoded, scene
decode(encoded(scene(), "TIFF"), Limits())
print(decode_in_subprocess._workers._free[0]._process.pid, flush=True)
os._exit(0)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    with suppress(psutil.NoSuchProcess):
        psutil.Process(int(done.stdout)).wait(TIMEOUT_S)


def test_worker_is_not_shared_with_a_fork_of_the_host() -> None:
    """As when a server forks after its application was imported and warmed up."""
    content = encoded(scene(), "TIFF")
    decode(content, LIMITS)
    [worker] = decode_in_subprocess._workers._free
    pid = os.fork()
    if pid == 0:
        is_right = decode(content, LIMITS).width_px == 64 and worker not in decode_in_subprocess._workers._free
        decode_in_subprocess._workers.end()
        os._exit(0 if is_right else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert decode(content, LIMITS).width_px == 64


def test_plain_picture_without_memory_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(_: Pillow.Image) -> None:
        raise MemoryError

    content = encoded(scene(), "PNG")
    for plugin in type(Pillow.open(io.BytesIO(content))).__mro__:
        if "load" in vars(plugin):
            monkeypatch.setattr(plugin, "load", load)
    with pytest.raises(Busy, match="no memory for one more picture"):
        decode(content, LIMITS)
