"""A worker runs tests on a mutant in a copy of the project, and leaves the copy as it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.mutation.chapters import ROOT
from tests.mutation.mutant import difference
from tests.mutation.pool import Order, Worker, try_mutants

pytestmark = pytest.mark.needs("process")

BOX = "def is_full(count: int) -> bool:\n    while count < 0:\n        count += 1\n    return count >= 3\n"
TESTS = """import hypothesis  # which is a plugin of pytest's as well

from shared.box import is_full


def test_three_are_full() -> None:
    assert is_full(3)


def test_below_nothing_is_not_full() -> None:
    assert not is_full(-1)
"""
THREE, BELOW = "tests/test_box.py::test_three_are_full", "tests/test_box.py::test_below_nothing_is_not_full"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with one module, and what a worker of ours needs."""
    for folder in ("shared", "tests"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").touch()
    (tmp_path / "tests" / "mutation").symlink_to(ROOT / "tests" / "mutation")
    (tmp_path / "shared" / "box.py").write_text(BOX, "utf-8")
    (tmp_path / "tests" / "test_box.py").write_text(TESTS, "utf-8")
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\npythonpath = .\naddopts = --import-mode=importlib\nfilterwarnings = error\n", "utf-8"
    )
    return tmp_path


@pytest.fixture
def worker(root: Path) -> Iterator[Worker]:
    found = Worker(root, [THREE], ["tests/test_box.py"])
    yield found
    found.end()


def order(before: str, after: str, *tests: str, seconds: float = 0.0) -> Order:
    mutated = BOX.replace(before, after)
    return Order(
        difference("shared/box.py", "is_full", "core/X", "unit", 0, BOX, mutated), mutated, list(tests), seconds
    )


def test_a_mutant_is_noticed_by_the_test_that_fails_or_survives(worker: Worker, root: Path) -> None:
    assert worker.test(order(">= 3", "> 3", BELOW, THREE))[:2] == ("noticed", THREE)
    assert worker.test(order(">= 3", "> 3", BELOW))[:2] == ("survived", "")
    assert worker.test(order(">= 3", ">= 4", THREE))[:2] == ("noticed", THREE)
    assert (root / "shared" / "box.py").read_text("utf-8") == BOX


def test_a_mutant_that_cannot_be_imported_is_noticed(worker: Worker) -> None:
    assert worker.test(order("return", "return (", THREE))[:2] == ("noticed", "tests/test_box.py")


def test_an_endless_loop_is_ended_and_noticed(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.mutation.pool.LEAST_LIMIT_S", 3.0)
    assert worker.test(order("count += 1", "pass", BELOW))[0] == "timeout"
    assert worker.test(order(">= 3", "> 3", THREE))[0] == "noticed"  # and the worker goes on


def test_a_worker_whose_tests_fail_without_a_mutant_says_so(root: Path) -> None:
    (root / "shared" / "box.py").write_text(BOX.replace("3", "4"), "utf-8")
    worker = Worker(root, [THREE])
    try:
        with pytest.raises(RuntimeError, match="Without any mutant"):
            worker.test(order(">= 3", "> 3", THREE))
    finally:
        worker.end()


def test_each_mutant_is_tested_once_and_its_result_handed_over_at_once(worker: Worker) -> None:
    orders = [order(">= 3", sign, THREE) for sign in ("> 3", ">= 2", ">= 4")]
    found: list[tuple[str, str]] = []
    try_mutants(orders, [worker], lambda order, outcome, by, seconds: found.append((order.mutant.after, outcome)))
    assert found == [
        ("return count > 3", "noticed"),
        ("return count >= 2", "survived"),
        ("return count >= 4", "noticed"),
    ]


def test_an_interruption_ends_the_workers_and_what_they_are_testing(worker: Worker, root: Path) -> None:
    other, endless = Worker(root, [THREE]), order("count += 1", "pass", BELOW)
    before = set(psutil.Process().children(recursive=True))  # such as a local cloud of other tests

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        try_mutants([order(">= 3", "> 3", THREE), *[endless] * 4], [worker, other], interrupted)
    assert worker._process is None
    assert other._process is None
    assert set(psutil.Process().children(recursive=True)) <= before
