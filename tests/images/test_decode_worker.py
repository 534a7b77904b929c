"""What the decoding process does with one picture, run in this process: its limits, its messages, its pixels."""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import tempfile
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from shared.errors import Busy
from shared.images.memory_budget import MIB
from tests.pictures import encoded, png, scene

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows has no limits for a process of its own")

INFINITE = -1


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the worker's module, which sets a variable of its process when it is imported."""
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    return importlib.import_module("shared.images.decode_worker")


class Host:
    """The host's end: it writes down what it hears, and answers every question."""

    def __init__(self, answer: bytes = b"g") -> None:
        self.heard: list[dict[str, Any]] = []
        self.answer = answer

    def sendall(self, line: bytes) -> None:
        assert line.endswith(b"\n")
        assert line.count(b"\n") == 1
        self.heard.append(json.loads(line))

    def recv(self, length: int) -> bytes:
        assert length == 1
        return self.answer


class Limits:
    """The system's limits: what is set, and what the process has used."""

    def __init__(self, worker: Any, monkeypatch: pytest.MonkeyPatch, hard: int = INFINITE) -> None:
        self.hard = hard
        self.set: list[tuple[str, Any]] = []
        self._names = {worker.resource.RLIMIT_CPU: "cpu", worker.resource.RLIMIT_DATA: "data"}
        used = type("Used", (), {"ru_utime": 1.7, "ru_stime": 0.6})()
        monkeypatch.setattr(worker.resource, "setrlimit", self.setrlimit)
        monkeypatch.setattr(worker.resource, "getrlimit", lambda _: (INFINITE, self.hard))
        monkeypatch.setattr(worker.resource, "getrusage", lambda _: used)
        monkeypatch.setattr(worker.signal, "setitimer", self.setitimer)
        monkeypatch.setattr(worker, "_private_bytes", lambda: 100 * MIB)

    def setrlimit(self, resource_id: int, limits: tuple[int, int]) -> None:
        self.set.append((self._names[resource_id], limits))

    def setitimer(self, which: int, seconds: float) -> None:
        assert which == signal.ITIMER_REAL
        self.set.append(("clock", seconds))


def limits_for(more_bytes: int) -> list[tuple[str, Any]]:
    """Return the limits of a picture of so many bytes."""
    cpu_s = 5 + more_bytes // (8 * MIB)
    data = [("data", (100 * MIB + more_bytes + 16 * MIB, INFINITE))] if sys.platform == "linux" else []
    return [("cpu", (2 + cpu_s, INFINITE)), ("clock", 5 * cpu_s), *data]


LIFTED = [("clock", 0), ("cpu", (INFINITE, INFINITE)), ("data", (INFINITE, INFINITE))]


@pytest.mark.parametrize("more_bytes", [0, 1, 8 * MIB - 1, 8 * MIB, 16 * MIB, 200 * MIB + 5])
def test_limits_follow_from_the_bytes_of_a_picture(
    worker: Any, more_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = Limits(worker, monkeypatch)
    worker._limit(more_bytes)
    assert limits.set == limits_for(more_bytes)
    limits.set.clear()
    worker._lift_limits()
    assert limits.set == LIFTED


@pytest.mark.parametrize(
    ("limit", "hard", "expected"),
    [
        (100, INFINITE, 100),
        (INFINITE, INFINITE, INFINITE),
        (99, 100, 99),
        (100, 100, 100),
        (101, 100, 100),
        (INFINITE, 100, 100),
        (0, 0, 0),
    ],
)
def test_limit_is_never_above_the_hard_limit(
    worker: Any, limit: int, hard: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = Limits(worker, monkeypatch, hard)
    worker._set_limit(worker.resource.RLIMIT_CPU, limit)
    assert limits.set == [("cpu", (expected, hard))]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
def test_private_bytes_are_those_that_the_kernel_counts(worker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MIB < worker._private_bytes() < 1 << 44
    status = "Name:\tpython\nVmSize:\t  999 kB\nVmData:\t  123 kB\nVmStk:\t   1 kB\n"
    monkeypatch.setattr(worker.Path, "read_text", lambda _: status)
    assert worker._private_bytes() == 123 * 1024
    monkeypatch.setattr(worker.Path, "read_text", lambda _: "Name:\tpython\n")
    assert worker._private_bytes() == 256 * MIB


def test_pixels_are_written_whole_even_in_parts(worker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(worker.os, "write", lambda fd, data: write(fd, bytes(data[:100])))
    with tempfile.TemporaryFile() as file:
        worker._write(file.fileno(), scene())
        file.seek(0)
        assert file.read() == scene().tobytes()


def decoded(worker: Any, host: Host, content: bytes, **order: Any) -> tuple[dict[str, Any], bytes]:
    """Let the worker decode a file, and return its response and the pixels."""
    order = {"max_pixels": 50_000_000, "shrink_to_px": None, "capacity_bytes": 1 << 40} | order
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as pixels:
        source.write(json.dumps(order).encode() + b"\n" + content)
        source.flush()
        response = worker._decode_one(host, source.fileno(), pixels.fileno())
        pixels.seek(0)
        return response, pixels.read()


def test_worker_asks_for_room_limits_itself_and_describes_the_pixels(
    worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, limits, content = Host(), Limits(worker, monkeypatch), encoded(scene(), "TIFF")
    response, pixels = decoded(worker, host, content)
    needed = 64 * 48 * (12 + 10)
    assert host.heard == [{"needs": needed}]
    assert limits.set == [*limits_for(3 * len(content)), ("clock", 0), *limits_for(needed), *LIFTED]
    assert pixels == scene().tobytes()
    assert response == {
        "shape": (48, 64), "format": "tiff", "width_px": 64, "height_px": 48, "orientation": 1, "note": None,
    }  # fmt: skip


def test_worker_describes_a_reduced_picture_and_its_note(worker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    Limits(worker, monkeypatch)
    samples = np.tile(np.array([0, 4095], np.uint16), (4, 4))
    response, pixels = decoded(worker, Host(), png(samples), shrink_to_px=2)
    assert response["shape"] == (2, 4)
    assert len(pixels) == 2 * 4 * 3
    assert response["note"] == "The picture is grey of 16 bits whose values go to 4,095, which is shown as white."


@pytest.mark.parametrize(
    ("content", "order", "refused", "words"),
    [
        (b"text", {}, "NotAnImage", "are not in a supported image format"),
        (b"II*\0broken", {}, "DamagedImage", "truncated or broken"),
        (encoded(scene(), "TIFF"), {"max_pixels": 3_071}, "TooManyPixels", "over the limit of 3,071"),
        (encoded(scene(), "TIFF"), {"capacity_bytes": 67_583}, "TooManyPixels", "MiB that are set aside"),
    ],
)
def test_worker_tells_the_host_why_a_picture_is_refused(
    worker: Any, content: bytes, order: dict[str, Any], refused: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, limits = Host(), Limits(worker, monkeypatch)
    response, pixels = decoded(worker, host, content, **order)
    assert (response["refused"], pixels, host.heard) == (refused, b"", [])
    assert words in response["message"]
    assert set(response) == {"refused", "message"}
    assert limits.set[-3:] == LIFTED


def test_worker_without_memory_for_a_picture_calls_it_too_costly(worker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise Busy

    Limits(worker, monkeypatch)
    monkeypatch.setattr(worker.decode_in_process, "decode", fail)
    response, _ = decoded(worker, Host(), b"any")
    assert response == {
        "refused": "TooCostly",
        "message": "Decoding the picture takes more time or memory than a picture of its size may take; save it again "
        "with an image editor.",
    }


@pytest.mark.parametrize("answer", [b"n", b"", b"d"])
@pytest.mark.parametrize("format", ["WEBP", "TIFF"])
def test_worker_that_gets_no_room_decodes_nothing(
    worker: Any, answer: bytes, format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"lossless": True} if format == "WEBP" else {}
    content = encoded(scene(), format, **options)
    host, limits = Host(answer), Limits(worker, monkeypatch)
    response, pixels = decoded(worker, host, content)
    assert (len(host.heard), pixels, "shape" in response) == (1, b"", False)
    assert limits.set == [*limits_for(3 * len(content)), ("clock", 0), *LIFTED]


def test_picture_that_needs_no_room_asks_for_none(worker: Any) -> None:
    host = Host(b"n")
    with worker._RoomAtHost(host, 100).room_for(0):
        pass
    assert host.heard == []
    assert worker._RoomAtHost(host, 100).capacity_bytes == 100


def test_host_waits_longer_than_the_worker_may_take_for_the_largest_picture(worker: Any) -> None:
    apart, cost = (importlib.import_module(f"shared.images.{name}") for name in ("decode_in_subprocess", "decode"))
    needed = cost.Limits().max_pixels * (17 + 10)
    longest_s = worker.CLOCK_FACTOR * (worker.CPU_S + needed // worker.BYTES_PER_S)
    assert 800 < longest_s < apart.RESPONSE_TIMEOUT_S <= 900


@pytest.mark.parametrize(("before", "after"), [(None, "1"), ("7", "7")])
def test_worker_has_one_thread_for_arrays_unless_more_are_set(
    worker: Any, before: str | None, after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "OPENBLAS_NUM_THREADS"
    if before is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, before)
    importlib.reload(worker)
    assert os.environ[name] == after


class Libc:
    """A C library that writes down the size of the threads' stacks."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []

    def pthread_attr_init(self, attributes: Any) -> None:
        assert len(attributes) == 256
        self.calls.append(("init", attributes))

    def pthread_attr_setstacksize(self, attributes: Any, size: Any) -> None:
        self.calls.append(("stack", size.value))

    def pthread_setattr_default_np(self, attributes: Any) -> None:
        self.calls.append(("default", attributes))


@pytest.mark.parametrize(("processors", "threads"), [(None, 1), (1, 1), (3, 3), (4, 4), (64, 4)])
def test_decoders_have_four_threads_with_small_stacks_at_most(
    worker: Any, processors: int | None, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    libc = Libc()
    monkeypatch.setattr(worker.pillow_heif.options, "DECODE_THREADS", 0)
    monkeypatch.setattr(worker.AvifImagePlugin, "DEFAULT_MAX_THREADS", 0)
    monkeypatch.setattr(worker.os, "cpu_count", lambda: processors)
    monkeypatch.setattr(worker.ctypes, "CDLL", lambda _: libc)
    worker._limit_threads()
    assert worker.pillow_heif.options.DECODE_THREADS == 4
    assert threads == worker.AvifImagePlugin.DEFAULT_MAX_THREADS
    (_, attributes), stack, default = libc.calls
    assert (stack, default) == (("stack", 1_048_576), ("default", attributes))
    monkeypatch.setattr(worker.ctypes, "CDLL", lambda _: object())
    worker._limit_threads()


class Main(Host):
    """The worker's process around its loop: the commands that it gets, and what it does to itself."""

    def __init__(self, worker: Any, monkeypatch: pytest.MonkeyPatch, *commands: bytes) -> None:
        super().__init__()
        self.commands = list(commands)
        self.files: list[int] = []
        self.acts: list[Any] = []
        ignored = {"SIGINT": signal.SIGINT, "SIGTERM": signal.SIGTERM, "SIG_IGN": signal.SIG_IGN}

        def record(*what: Any) -> None:
            self.acts.append(what)

        monkeypatch.setattr(worker, "signal", SimpleNamespace(**ignored, signal=record))
        monkeypatch.setattr(worker, "socket", SimpleNamespace(socket=self.opened, recv_fds=self.recv_fds))
        monkeypatch.setattr(worker, "gc", SimpleNamespace(freeze=lambda: record("freeze")))
        monkeypatch.setattr(worker, "configure_malloc", lambda: record("malloc"))
        monkeypatch.setattr(worker, "_limit_threads", lambda: record("threads"))

    def opened(self, fileno: int) -> Main:
        assert fileno == 99
        return self

    def recv_fds(self, host: Any, length: int, number: int) -> tuple[bytes, list[int], int, None]:
        assert (host, length, number) == (self, 1, 2)
        command = self.commands.pop(0)
        files = [os.open(os.devnull, os.O_RDONLY) for _ in range(2)] if command == b"d" else []
        self.files += files
        return command, files, 0, None

    @property
    def open_files(self) -> list[int]:
        return [file for file in set(self.files) if os.path.exists(f"/dev/fd/{file}")]  # noqa: PTH110


@pytest.mark.parametrize("last", [b"", b"x"])
def test_worker_decodes_until_its_host_goes_and_closes_every_file(
    worker: Any, last: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = Main(worker, monkeypatch, b"d", b"d", last)
    seen: list[tuple[int, int]] = []

    def decode_one(_: Any, source_fd: int, pixels_fd: int) -> dict[str, Any]:
        seen.append((source_fd, pixels_fd))
        assert sorted(host.open_files) == sorted({source_fd, pixels_fd})
        return {"number": len(seen)}

    monkeypatch.setattr(worker, "_decode_one", decode_one)
    worker.main(99)
    assert host.heard == [{"number": 1}, {"number": 2}]
    assert [file for pair in seen for file in pair] == host.files
    assert host.open_files == []
    assert host.acts == [
        (signal.SIGINT, signal.SIG_IGN), (signal.SIGTERM, signal.SIG_IGN), ("malloc",), ("threads",), ("freeze",),
    ]  # fmt: skip


def test_worker_without_memory_to_answer_ends_with_a_status_of_its_own(
    worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise MemoryError

    host = Main(worker, monkeypatch, b"d")
    monkeypatch.setattr(worker, "_decode_one", fail)
    monkeypatch.setattr(worker.os, "_exit", lambda status: sys.exit(status))
    with pytest.raises(SystemExit) as ended:
        worker.main(99)
    assert ended.value.code == 77
    assert host.heard == []
