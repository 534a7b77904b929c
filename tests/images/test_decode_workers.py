"""How decoding processes are lent, given back and ended, with stand-ins for the processes."""

from __future__ import annotations

import atexit
import importlib.util
import io
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import numpy as np
import pytest

from shared.errors import Busy, DamagedImage, TooCostly, TooManyPixels
from shared.images.memory_budget import MemoryBudget
from tests.pictures import scene

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows decodes in the process itself")

MIB = 1 << 20


@pytest.fixture
def apart() -> Any:
    """Return the module by its name, since none of these tests starts a process."""
    return importlib.import_module("shared.images.decode_in_subprocess")


class Process:
    """A worker's process, which has ended once it has a status."""

    def __init__(self, status: int | None = None) -> None:
        self.status = status
        self.acts: list[str] = []

    def poll(self) -> int | None:
        return self.status

    def kill(self) -> None:
        self.acts.append("kill")
        self.status = -signal.SIGKILL if self.status is None else self.status

    def wait(self) -> int:
        self.acts.append("wait")
        assert self.status is not None
        return self.status


class Socket:
    """The host's end of the socket."""

    def __init__(self, *, is_broken: bool = False) -> None:
        self.sent: list[bytes] = []
        self.is_open = True
        self.is_broken = is_broken

    def sendall(self, data: bytes) -> None:
        if self.is_broken:
            raise BrokenPipeError
        self.sent.append(data)

    def sendmsg(self, buffers: list[bytes], ancillary: list[Any]) -> int:
        self.sendall(b"".join(buffers))
        assert [list(numbers) for _, _, numbers in ancillary] == [[11, 12]]
        return 1

    def close(self) -> None:
        self.is_open = False


class BrokenLines(io.BytesIO):
    def readline(self, size: int | None = -1, /) -> bytes:
        raise TimeoutError


def worker_of(apart: Any, *responses: dict[str, Any], status: int | None = None, broken: bool = False) -> Any:
    """Return a worker that gives these responses, and then ends."""
    worker = object.__new__(apart._Worker)
    worker._socket, worker._process = Socket(is_broken=broken), Process(status)
    worker._lines = io.BytesIO(b"".join(json.dumps(response).encode() + b"\n" for response in responses))
    worker.is_between_pictures = True
    return worker


class File:
    """A file of which only the number is passed on."""

    def __init__(self, number: int) -> None:
        self.number = number

    def fileno(self) -> int:
        return self.number


FILES = File(11), File(12)


@pytest.mark.parametrize("response", [{"refused": "NotAnImage"}, {"shape": [1, 2]}, {"needs": 5}])
def test_order_sends_the_files_and_returns_the_first_response(apart: Any, response: dict[str, Any]) -> None:
    worker = worker_of(apart, response, {"second": 1})
    assert worker.order(*FILES) == response
    assert worker._socket.sent == [b"d"]
    assert worker.is_between_pictures is ("needs" not in response)


def test_decode_begins_once_there_is_room_for_the_picture_and_the_worker(apart: Any) -> None:
    worker = worker_of(apart, {"shape": [1, 2]})
    worker.is_between_pictures = False
    assert worker.decode_when_room(100, MemoryBudget(100 + 16 * MIB, timeout_s=0)) == {"shape": [1, 2]}
    assert worker._socket.sent == [b"g"]
    assert worker.is_between_pictures


def test_decode_holds_sixteen_mebibytes_more_than_the_picture_needs(apart: Any) -> None:
    budget = MemoryBudget(32 * MIB, timeout_s=0)
    with budget.room_for(6 * MIB):
        assert worker_of(apart, {"shape": []}).decode_when_room(10 * MIB, budget) == {"shape": []}
        worker = worker_of(apart, {"cancelled": True})
        worker.is_between_pictures = False
        with pytest.raises(Busy, match="fill the memory"):
            worker.decode_when_room(10 * MIB + 1, budget)
    assert worker._socket.sent == [b"n"]
    assert worker._lines.read() == b""
    assert worker.is_between_pictures


def test_picture_without_room_whose_worker_has_ended_is_busy(apart: Any) -> None:
    worker, budget = worker_of(apart, status=0), MemoryBudget(MIB, timeout_s=0)
    worker.is_between_pictures = False
    with budget.room_for(MIB), pytest.raises(Busy, match="fill the memory"):
        worker.decode_when_room(1, budget)
    assert worker._socket.sent == []
    assert not worker.is_between_pictures


@pytest.mark.parametrize(
    ("status", "expected", "words"),
    [
        (77, TooCostly, "Decoding the picture takes more time or memory than a picture of its size may take; save it "),
        (76, Busy, "The process that decoded the picture has ended; try again in a second."),
        (-signal.SIGXCPU, TooCostly, "more time or memory"),
        (-signal.SIGSEGV, DamagedImage, "The file begins like an image, but its decoder crashes on it; save it again"),
        (-signal.SIGKILL, Busy, "has ended; try again in a second."),
        (0, Busy, "has ended"),
    ],
)
@pytest.mark.parametrize("is_late", [False, True])
def test_worker_that_ends_is_waited_for_and_its_status_decides(
    apart: Any, status: int, expected: type[Exception], words: str, is_late: bool
) -> None:
    worker = worker_of(apart, status=status, broken=True)
    if is_late:
        worker._lines = BrokenLines()
    with pytest.raises(expected, match=words):
        worker.order(*FILES)
    assert worker._process.acts == ["kill", "wait"]
    assert not worker._socket.is_open
    assert not worker.is_between_pictures


def test_room_of_a_picture_whose_worker_ends_is_given_back(apart: Any) -> None:
    budget = MemoryBudget(20 * MIB, timeout_s=0)
    worker = worker_of(apart, status=-signal.SIGSEGV, broken=True)
    worker.is_between_pictures = False
    with pytest.raises(DamagedImage):
        worker.decode_when_room(MIB, budget)
    assert not worker.is_between_pictures
    with budget.room_for(20 * MIB):
        pass


@pytest.mark.parametrize(("status", "acts"), [(None, ["kill", "wait"]), (0, ["wait"])])
def test_end_kills_a_worker_that_is_alive_and_closes_its_socket(
    apart: Any, status: int | None, acts: list[str]
) -> None:
    worker = worker_of(apart, status=status)
    assert worker.is_alive is (status is None)
    worker.end()
    assert worker._process.acts == acts
    assert worker._lines.closed
    assert not worker._socket.is_open


@pytest.fixture
def pairs(apart: Any, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return both ends of the sockets that are made."""
    made: list[Any] = []
    make = apart.socket.socketpair

    def remember() -> Any:
        made.extend(make())
        return made[-2:]

    monkeypatch.setattr(apart.socket, "socketpair", remember)
    return made


def test_worker_that_cannot_be_started_is_busy_and_leaves_no_socket(
    apart: Any, pairs: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise BlockingIOError

    monkeypatch.setattr(apart.subprocess, "Popen", fail)
    with pytest.raises(Busy) as busy:
        apart._Worker()
    assert str(busy.value) == "A process to decode the picture cannot be started; try again in a second."
    assert [end.fileno() for end in pairs] == [-1, -1]


def test_worker_is_started_with_the_modules_and_one_socket_of_its_host(
    apart: Any, pairs: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Any] = []

    def start(command: list[str], **options: Any) -> Process:
        started.extend((command, options, pairs[1].fileno()))
        return Process()

    monkeypatch.setattr(apart.subprocess, "Popen", start)
    worker = apart._Worker()
    (python, flag, code, number), options, theirs = started
    assert (python, flag, number) == (sys.executable, "-c", str(theirs))
    assert options == {"pass_fds": [theirs], "stdin": apart.subprocess.DEVNULL}
    begin, _, end = code.partition("; ")[2].partition("; ")
    assert begin == f"sys.path[:] = {sys.path!r}"
    assert end == apart.START == "from shared.images.decode_worker import main; main(int(sys.argv[1]))"
    ours, closed = pairs
    assert (worker.is_between_pictures, worker.is_alive, ours.gettimeout(), closed.fileno()) == (True, True, 900, -1)
    worker.end()
    assert ours.fileno() == -1


class Worker:
    """A stand-in for a worker among the free ones."""

    number_started = 0
    fault: Exception | None = None

    def __init__(self) -> None:
        if Worker.fault is not None:
            raise Worker.fault
        Worker.number_started += 1
        self.is_alive = self.is_between_pictures = True
        self.is_ended = False

    def end(self) -> None:
        self.is_ended = True


@pytest.fixture
def workers(apart: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(apart, "_Worker", Worker)
    monkeypatch.setattr(apart, "FREE_WORKER_TIMEOUT_S", 0)
    monkeypatch.setattr(Worker, "number_started", 0)
    monkeypatch.setattr(Worker, "fault", None)
    return apart._Workers()


def test_worker_that_was_given_back_is_lent_again(workers: Any) -> None:
    with workers.borrow() as first:
        assert workers._free == []
    with workers.borrow() as second:
        assert second is first
    assert (workers._free, Worker.number_started, first.is_ended) == ([first], 1, False)


def test_worker_in_the_middle_of_a_picture_is_ended(workers: Any) -> None:
    with workers.borrow() as first:
        first.is_between_pictures = False
    assert first.is_ended
    assert workers._free == []
    with workers.borrow() as second:
        assert second is not first


def test_worker_between_pictures_is_kept_even_if_the_picture_is_refused(workers: Any) -> None:
    with pytest.raises(ZeroDivisionError), workers.borrow() as first:
        raise ZeroDivisionError
    assert (workers._free, first.is_ended) == ([first], False)


def test_two_workers_are_lent_at_most_and_their_places_are_given_back(workers: Any) -> None:
    for _ in range(3):
        with workers.borrow() as one, workers.borrow() as another:
            assert one is not another
            with pytest.raises(Busy) as busy, workers.borrow():
                pass
            assert str(busy.value) == "All processes that decode pictures are in use; try again in a second."
    assert Worker.number_started == 2


def test_place_of_a_worker_that_cannot_be_started_is_given_back(workers: Any) -> None:
    Worker.fault = Busy("none can be started")
    for _ in range(3):
        with pytest.raises(Busy, match="none can be started"), workers.borrow():
            pass
    Worker.fault = None
    with workers.borrow(), workers.borrow():
        pass


def test_worker_that_ended_while_it_was_free_is_replaced(workers: Any) -> None:
    with workers.borrow() as one, workers.borrow() as another:
        pass
    last, first = workers._free
    first.is_alive = False
    with workers.borrow() as lent:
        assert lent is last
    assert first.is_ended
    last.is_alive = False
    with workers.borrow() as lent:
        assert lent not in (one, another)
    assert last.is_ended


def test_fork_starts_workers_of_its_own(workers: Any) -> None:
    with workers.borrow() as first:
        pass
    workers._owner = -1
    with workers.borrow() as second:
        assert second is not first
    assert workers._owner == os.getpid()
    assert (workers._free, first.is_ended) == ([second], False)


def test_end_of_the_process_ends_every_free_worker(workers: Any) -> None:
    with workers.borrow() as one, workers.borrow() as another:
        pass
    workers.end()
    assert one.is_ended
    assert another.is_ended
    assert workers._free == []


@pytest.mark.parametrize("in_memory", [True, False])
def test_file_for_a_worker_is_in_memory_or_else_temporary(
    apart: Any, in_memory: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def make(name: str, flags: int) -> int:
        made.append(name)
        return os.open(os.devnull, os.O_RDWR)

    monkeypatch.setattr(apart.os, "MFD_CLOEXEC", 1, raising=False)
    monkeypatch.setattr(apart.os, "memfd_create", make, raising=False)
    if not in_memory:
        monkeypatch.delattr(apart.os, "memfd_create")
    with apart._file("picture") as file:
        assert file.write(b"content") == 7
        assert file.fileno() > 2
    assert made == (["picture"] if in_memory else [])


def test_free_workers_are_ended_when_the_process_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    registered: list[Any] = []
    monkeypatch.setattr(atexit, "register", registered.append)
    spec = importlib.util.find_spec("shared.images.decode_in_subprocess")
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert registered == [module._workers.end]


class Decoder:
    """A worker that answers without a process, and writes pixels."""

    def __init__(self, *responses: dict[str, Any], pixels: bytes = b"") -> None:
        self.responses = list(responses)
        self.pixels = pixels
        self.order_line: dict[str, Any] = {}
        self.content = b""
        self.room: tuple[int, MemoryBudget] | None = None

    def order(self, source_file: IO[bytes], pixels_file: IO[bytes]) -> dict[str, Any]:
        line, _, self.content = os.pread(source_file.fileno(), 1 << 20, 0).partition(b"\n")
        self.order_line = json.loads(line)
        os.write(pixels_file.fileno(), self.pixels)
        return self.responses.pop(0)

    def decode_when_room(self, needed_bytes: int, budget: MemoryBudget) -> dict[str, Any]:
        self.room = needed_bytes, budget
        return self.responses.pop(0)

    @contextmanager
    def borrow(self) -> Iterator[Decoder]:
        yield self


FACTS = {"format": "tiff", "width_px": 640, "height_px": 480, "orientation": 6, "note": "A note."}


@pytest.mark.parametrize("needs_room", [False, True])
def test_decode_returns_the_pixels_that_the_worker_wrote(
    apart: Any, needs_room: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = {"shape": [48, 64], **FACTS}
    decoder = Decoder(*([{"needs": 123}] if needs_room else []), done, pixels=scene().tobytes())
    monkeypatch.setattr(apart, "_workers", decoder)
    budget = MemoryBudget(1_000)
    image = apart.decode(b"first line\nsecond", 99, 16, budget)
    assert np.array_equal(image.pixels, scene())
    assert (image.format, image.width_px, image.height_px) == ("tiff", 640, 480)
    assert (image.orientation, image.note) == (6, "A note.")
    assert decoder.order_line == {"max_pixels": 99, "shrink_to_px": 16, "capacity_bytes": 1_000}
    assert decoder.content == b"first line\nsecond"
    assert decoder.room == ((123, budget) if needs_room else None)


@pytest.mark.parametrize("needs_room", [False, True])
def test_decode_raises_the_workers_refusal(apart: Any, needs_room: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = {"refused": "TooManyPixels", "message": "Too many; upload a smaller one."}
    monkeypatch.setattr(apart, "_workers", Decoder(*([{"needs": 1}] if needs_room else []), refusal))
    with pytest.raises(TooManyPixels, match=r"^Too many; upload a smaller one\.$"):
        apart.decode(b"any", 99, None, MemoryBudget(1))
