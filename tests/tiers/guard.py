"""Watch a test of the first tier while it runs: it starts no process, opens no socket, imports no TensorFlow.

An audit hook (https://docs.python.org/3/library/sys.html#sys.addaudithook) sees these acts in any code.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

FORBIDDEN = {
    "os.exec": "replaces the process",
    "os.fork": "forks",
    "os.posix_spawn": "starts a process",
    "os.system": "starts a process",
    "socket.bind": "opens a socket",
    "socket.connect": "opens a connection",
    "subprocess.Popen": "starts a process",
}
DECODER = "shared.images.decode_worker"
HEAVY = ("keras", "tensorflow")


class NeedsMore(Exception):
    """A test of the first tier did something that belongs in a later one."""


class _Guard:
    """The hook of a process: it cannot be removed, only switched off."""

    def __init__(self) -> None:
        self.guarded: str | None = None
        self.acts: list[str] = []
        self._is_set = False

    def set(self) -> None:
        if not self._is_set:
            sys.addaudithook(self)
            self._is_set = True

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.guarded is None:
            return
        if event in FORBIDDEN and not _is_decoder(event, arguments):
            self.acts.append(f"{FORBIDDEN[event]} ({event} {arguments[:1]})")
        elif event == "import" and str(arguments[0]).partition(".")[0] in HEAVY:
            self.acts.append(f"imports {arguments[0]}")
        else:
            return
        raise NeedsMore(self.acts[-1])


def _is_decoder(event: str, arguments: tuple[Any, ...]) -> bool:
    """Return whether it is a process of ``images.decode_in_subprocess``; for callers decoding is a pure function."""
    return event == "subprocess.Popen" and any(DECODER in str(argument) for argument in arguments[1])


_guard = _Guard()


@contextmanager
def guarded(test: str) -> Iterator[None]:
    """Forbid a test of the first tier everything that belongs in a later one.

    Raises:
        NeedsMore: the test did it, even where it swallowed the resulting error.
    """
    _guard.set()
    _guard.guarded, _guard.acts = test, []
    try:
        yield
    finally:
        _guard.guarded = None
    if _guard.acts:
        raise NeedsMore(
            f"{test} {_guard.acts[0]}, so it cannot be in the tier `check`; let it do without, or mark what "
            'it needs: @pytest.mark.needs("process"), or "tensorflow"'
        )
