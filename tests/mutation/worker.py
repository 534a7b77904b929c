"""Runs the chosen tests on one mutant after the other, in a copy of the project: ``python -m tests.mutation.worker``.

Orders and answers are lines of JSON on its standard input and output. The packages of others that the tests need are
imported once. A fork of this process collects the tests, and each mutant that is in the body of a function is tested in
a fork of that fork, where the function is replaced (``in_place``): so a mutant costs its tests, and neither imports nor
a collection. Any other is tested in a fork of this process, which imports the project's own code from the copy.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.mutation import recorder
from tests.mutation.collected import Collected, Question
from tests.mutation.forks import forked

OURS = ("shared", "tests", "functions", "conftest", "main", "__main__", "docs")
"""What a fork imports itself, since it may be mutated."""

MEMORY_BYTES = 6 << 30
"""A mutant that never stops taking memory gets a MemoryError before the machine is out of it."""

KNOWN = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
"""Plugins of pytest's are imported before it looks for them; their asserts are not rewritten."""

OPTIONS = ("-x", "-q", "--no-header", "--tb=line", "-p", "no:cacheprovider", "-p", "no:xdist", *KNOWN)
PASSED, NOTICED = 0, (1, 2, 3)
"""Exit codes of pytest's: what fails where tests are collected ends it with 2, and in a hook with 3."""
NOT_FOUND = 4
"""No such test, or no such file: also where ``conftest.py`` cannot be imported."""


@dataclass(frozen=True, slots=True)
class Order:
    """A mutant to test."""

    path: str
    line: int
    source: str
    """The file's whole text, mutated."""
    tests: list[str]
    limit_s: float


@dataclass(frozen=True, slots=True)
class Tested:
    """What became of a mutant."""

    outcome: str
    """``noticed``, ``survived``, or ``timeout``, which is noticed as well."""
    by: str
    """The test that noticed it."""
    seconds: float


def main() -> None:
    """Do what the lines on standard input say, until there are no more."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    root = Path.cwd()
    os.dup2(os.open(root / "worker.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND), 1)
    os.dup2(1, 2)
    collected: Collected | None = None
    for line in sys.stdin:
        order = json.loads(line)
        if "warm" in order:
            answer: Any = _warm(root, order["warm"])
            collected = None if answer["status"] else _collected(root, order["files"])
        else:
            answer = asdict(tested(root, Order(**order), collected))
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def tested(root: Path, order: Order, collected: Collected | None) -> Tested:
    """Put a mutated text in place of a file, run tests, and put the file back."""
    file, record = root / order.path, root / "record.jsonl"
    kept, times = file.read_text("utf-8"), file.stat()
    record.write_text("", "utf-8")
    started = time.monotonic()
    question = Question(order.path, order.line, kept, order.source, order.tests, order.limit_s)
    try:
        file.write_text(order.source, "utf-8")
        # Bytecode is kept by a file's size and whole second; so no mutant's is taken for another's.
        os.utime(file, (times.st_atime, round(started * 100)))
        in_place, status = collected.status(question) if collected else (False, None)
        if not in_place:
            status = forked(lambda: _run(root, record, order.tests), order.limit_s)
        seconds = round(time.monotonic() - started, 2)
    finally:
        file.write_text(kept, "utf-8")
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    failed = [entry["test"] for entry in _recorded(record) if entry["failed"]]
    if status is None:
        return Tested("timeout", failed[0] if failed else "", seconds)
    if status == PASSED:
        return Tested("survived", "", seconds)
    if failed or status in NOTICED or status < 0:  # a signal: the mutant ended its process
        return Tested("noticed", failed[0] if failed else f"exit status {status}", seconds)
    if (
        status == NOT_FOUND
        and forked(lambda: _run(root, record, order.tests, "--collect-only"), order.limit_s) == PASSED
    ):
        return Tested("noticed", "the tests cannot be imported", seconds)
    raise RuntimeError(f"The tests of a mutant of {order.path} ended with {status}; see {root / 'worker.log'}.")


def _collected(root: Path, files: list[str]) -> Collected:
    def run(arguments: list[str], plugins: list[object]) -> int:
        return _pytest(root, root / "record.jsonl", arguments, plugins)

    return Collected(root, files, run, MEMORY_BYTES)


def _run(root: Path, record: Path, tests: list[str], *options: str) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    return _pytest(root, record, [*options, *tests], [])


def _pytest(root: Path, record: Path, arguments: list[str], plugins: list[object]) -> int:
    os.environ[recorder.FILE] = str(record)
    _take_tiers_as_known()
    _search_only()
    return int(pytest.main([*OPTIONS, f"--basetemp={root / 'temporary'}", *arguments], plugins=[recorder, *plugins]))


def _take_tiers_as_known() -> None:
    """Take all tests for those of the first tier, which they are: to find out again takes longer than to run one."""
    with suppress(ModuleNotFoundError):  # a project of a test has no tiers
        plugin = importlib.import_module("tests.tiers.plugin")
        plugin.tier_of = lambda _: plugin.Tier.CHECK  # type: ignore[attr-defined]
        plugin.needs_of = lambda *_: frozenset()  # type: ignore[attr-defined]


def _search_only() -> None:
    """Have hypothesis stop at the first input that fails: to make it small is for people, and takes long."""
    from hypothesis import Phase, settings

    settings.register_profile("mutants", phases=(Phase.explicit, Phase.generate))
    settings.load_profile("mutants")


def _warm(root: Path, tests: list[str]) -> dict[str, Any]:
    """Import what the tests import of others. Returns how they ended, which must be well."""
    names, record = root / "modules.json", root / "record.jsonl"
    record.unlink(missing_ok=True)

    def look() -> int:
        status = _run(root, record, tests)
        names.write_text(json.dumps(list(sys.modules)), "utf-8")
        return status

    status = forked(look, 600)
    for name in json.loads(names.read_text("utf-8")) if names.exists() else []:
        if name.partition(".")[0] not in OURS and not name.startswith("test_"):
            with suppress(Exception):
                importlib.import_module(name)
    return {"status": status, "failed": [entry["test"] for entry in _recorded(record) if entry["failed"]]}


def _recorded(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []


if __name__ == "__main__":
    main()
