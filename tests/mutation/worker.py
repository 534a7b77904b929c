"""Runs the chosen tests on one mutant after the other, in a copy of the project: ``python -m tests.mutation.worker``.

Orders and answers are lines of JSON on its standard input and output. The packages of others that the tests need are
imported once; each mutant is tested in a fork of this process, which imports the project's own code from the copy. So a
mutant costs its tests and not two seconds of imports.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import sys
import time
import traceback
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.mutation import recorder

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
CRASHED = 70


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
    for line in sys.stdin:
        order = json.loads(line)
        if "warm" in order:
            answer: Any = _warm(root, order["warm"])
        else:
            answer = asdict(tested(root, order["path"], order["source"], order["tests"], order["limit_s"]))
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def tested(root: Path, path: str, source: str, tests: list[str], limit_s: float) -> Tested:
    """Put a mutated text in place of a file, run tests, and put the file back."""
    file = root / path
    kept = file.read_bytes()
    record = root / "record.jsonl"
    record.unlink(missing_ok=True)
    started = time.monotonic()
    try:
        file.write_text(source, "utf-8")
        status = _forked(lambda: _run(root, record, tests), limit_s)
    finally:
        file.write_bytes(kept)
    seconds = round(time.monotonic() - started, 2)
    failed = [entry["test"] for entry in _recorded(record) if entry["failed"]]
    if status is None:
        return Tested("timeout", failed[0] if failed else "", seconds)
    if status == PASSED:
        return Tested("survived", "", seconds)
    if status == NOT_FOUND and _forked(lambda: _run(root, record, tests, "--collect-only"), limit_s) == PASSED:
        return Tested("noticed", "the tests cannot be imported", seconds)
    if status in NOTICED or status < 0:  # a signal: the mutant ended its process
        return Tested("noticed", failed[0] if failed else f"exit status {status}", seconds)
    raise RuntimeError(f"The tests of a mutant of {path} ended with {status}; see {root / 'worker.log'}.")


def _run(root: Path, record: Path, tests: list[str], *options: str) -> int:
    os.environ[recorder.FILE] = str(record)
    _take_tiers_as_known()
    _search_only()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    return int(pytest.main([*OPTIONS, *options, f"--basetemp={root / 'temporary'}", *tests], plugins=[recorder]))


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


def _forked(work: Any, limit_s: float) -> int | None:
    """Return the exit status of ``work`` in a fork of its own; None if it took too long and was ended."""
    child = os.fork()
    if child == 0:
        os.setsid()
        status = CRASHED
        try:
            status = work()
        except BaseException:
            traceback.print_exc()  # into the worker's log
        finally:
            os._exit(status)
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            _end_what_it_started(child)
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    _end_what_it_started(child)
    os.waitpid(child, 0)
    return None


def _end_what_it_started(child: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)


def _warm(root: Path, tests: list[str]) -> dict[str, Any]:
    """Import what the tests import of others. Returns how they ended, which must be well."""
    names, record = root / "modules.json", root / "record.jsonl"
    record.unlink(missing_ok=True)

    def look() -> int:
        status = _run(root, record, tests)
        names.write_text(json.dumps(list(sys.modules)), "utf-8")
        return status

    status = _forked(look, 600)
    for name in json.loads(names.read_text("utf-8")) if names.exists() else []:
        if name.partition(".")[0] not in OURS and not name.startswith("test_"):
            with suppress(Exception):
                importlib.import_module(name)
    return {"status": status, "failed": [entry["test"] for entry in _recorded(record) if entry["failed"]]}


def _recorded(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []


if __name__ == "__main__":
    main()
