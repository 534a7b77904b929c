"""Two workers at most, each with a copy of the project, that test mutants beside each other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Queue
from typing import Any

import psutil

from tests.mutation.mutant import Mutant

MOST_WORKERS = 2
LEAST_LIMIT_S = 30.0
MOST_LIMIT_S = 240.0
TIMES = 3
"""So many times as long as they take alone may tests take on a mutant: more is an endless loop."""


@dataclass(frozen=True, slots=True)
class Order:
    """A mutant, and how it is tested."""

    mutant: Mutant
    source: str
    """The file's whole text, mutated."""
    tests: list[str]
    seconds: float
    """How long the tests take without it."""

    @property
    def limit_s(self) -> float:
        """How long they may take."""
        return min(MOST_LIMIT_S, max(LEAST_LIMIT_S, TIMES * self.seconds))


def python(
    script: str, *arguments: str, root: Path, tools: Path | None = None, **options: Any
) -> subprocess.Popen[str]:
    """Start a script of ours in a copy of the project, in a process group of its own.

    Args:
        script: a module of ``tests.mutation`` with a ``main``.
        arguments: its arguments.
        root: the copy.
        tools: a folder of packages that the project's environment lacks.
        options: for ``subprocess.Popen``.
    """
    code = f"import sys; sys.path += {[str(tools)] if tools else []!r}; from {script} import main; sys.exit(main())"
    environ = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(command, cwd=root, env=environ, text=True, start_new_session=True, **options)


def end(process: subprocess.Popen[str]) -> None:
    """End a process that ``python`` started, and what it has started in turn, in whatever process group that is."""
    with suppress(psutil.NoSuchProcess):
        started = psutil.Process(process.pid)
        for one in (*started.children(recursive=True), started):
            with suppress(psutil.NoSuchProcess):
                one.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            with suppress(BrokenPipeError):
                pipe.close()


class Worker:
    """A process of ``worker``, which is started anew if it ends.

    Args:
        root: a copy of the project.
        warm: a few tests that are run at its start, and must pass.
        files: the test files that it collects, so that a mutant need not.
    """

    def __init__(self, root: Path, warm: Sequence[str], files: Sequence[str] = ()) -> None:
        self._root, self._warm, self._files = root, list(warm), list(files)
        self._process: subprocess.Popen[str] | None = None

    def test(self, order: Order) -> tuple[str, str, float]:
        """Return what became of a mutant, the test that noticed it, and how long that took."""
        mutant = {"path": order.mutant.path, "line": order.mutant.line, "source": order.source}
        found = self._ask({**mutant, "tests": order.tests, "limit_s": order.limit_s})
        return found["outcome"], found["by"], found["seconds"]

    def end(self) -> None:
        """End it, whatever it does."""
        if self._process is not None:
            end(self._process)
            self._process = None

    def _ask(self, line: dict[str, Any]) -> dict[str, Any]:
        if self._process is None:
            self._process = python(
                "tests.mutation.worker", root=self._root, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            ready = self._ask({"warm": self._warm, "files": self._files})
            if ready["status"]:
                raise RuntimeError(f"Without any mutant, {ready['failed'] or self._warm} fail in {self._root}.")
        process = self._process
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps(line) + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        if not answer:
            raise RuntimeError(f"The worker in {self._root} ended; its last words are in {self._root / 'worker.log'}.")
        found: dict[str, Any] = json.loads(answer)
        return found


def try_mutants(
    orders: Sequence[Order], workers: Sequence[Worker], done: Callable[[Order, str, str, float], None]
) -> None:
    """Test mutants on all workers, and call ``done`` in this thread with what became of each.

    Tests that noticed other mutants of a file are run first on the next one. When this is interrupted, or a worker
    fails, all workers are ended.
    """
    waiting, lock, finished = list(reversed(orders)), threading.Lock(), Queue[Any]()
    noticed: dict[str, Counter[str]] = defaultdict(Counter)

    def work(worker: Worker) -> None:
        try:
            while True:
                with lock:
                    if not waiting:
                        break
                    order = waiting.pop()
                before = noticed[order.mutant.path]
                tests = sorted(order.tests, key=lambda test: -before[test])
                outcome, by, seconds = worker.test(replace(order, tests=tests))
                before[by] += 1
                finished.put((order, outcome, by, seconds))
            finished.put(None)
        except BaseException as error:
            finished.put(error)

    threads = [threading.Thread(target=work, args=[worker], daemon=True) for worker in workers]
    for thread in threads:
        thread.start()
    try:
        left = len(threads)
        while left:
            found = finished.get()
            if isinstance(found, BaseException):
                raise found
            if found is None:
                left -= 1
            else:
                done(*found)
    finally:
        with lock:
            waiting.clear()
        for worker in workers:
            worker.end()
