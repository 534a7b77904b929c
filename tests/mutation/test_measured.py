"""Tests are measured again only where they, or the code that they run, changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.mutation.measured import Measured, structure_of
from tests.mutation.tree import digest

FIRST, SECOND, CODE = "tests/test_first.py", "tests/deep/test_second.py", "shared/box.py"
TEXT = '"""Say it."""\n\nimport box\n\n\ndef area(width):\n    """Return an area."""\n    return width * 2\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for path in (FIRST, SECOND, CODE, "tests/parts.py"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(TEXT, "utf-8")
    return tmp_path


def entry(path: str, *, code: bool = False, failed: bool = False) -> dict[str, Any]:
    tests = [f"{path}::test_a", f"{path}::test_b"]
    return {
        "digest": digest(TEXT),
        "sources": {CODE: structure_of(TEXT)} if code else {},
        "seconds": {tests[0]: 1.0, tests[1]: 2.0},
        "failed": tests[1:] if failed else [],
        "statements": {CODE: {"3": [0, 1], "4": [1]}} if code else {},
    }


@pytest.fixture
def measured(root: Path) -> Measured:
    found = Measured(root / "measured.json", root)
    assert found.stale() == [SECOND, FIRST]
    found.add(json.loads(json.dumps({FIRST: entry(FIRST, code=True), SECOND: entry(SECOND, failed=True)})))
    return Measured(root / "measured.json", root)


def test_what_has_not_changed_is_not_measured_again(measured: Measured) -> None:
    assert measured.stale() == []


def test_a_test_file_that_changed_or_is_new_is_measured(measured: Measured, root: Path) -> None:
    (root / SECOND).write_text("other", "utf-8")
    (root / "tests/test_new.py").touch()
    assert measured.stale() == [SECOND, "tests/test_new.py"]


@pytest.mark.parametrize("change", [lambda path: path.write_text("other", "utf-8"), lambda path: path.unlink()])
def test_the_tests_of_code_that_changed_or_is_gone_are_measured(measured: Measured, root: Path, change: Any) -> None:
    change(root / CODE)
    assert measured.stale() == [FIRST]


def test_code_that_was_only_renamed_or_reworded_is_not_measured_again(measured: Measured, root: Path) -> None:
    (root / CODE).write_text(TEXT.replace("width", "length").replace("an area", "what a box covers"), "utf-8")
    assert measured.stale() == []
    (root / CODE).write_text(TEXT.replace("* 2", "* 3"), "utf-8")
    assert measured.stale() == [FIRST]


def test_a_test_file_that_is_gone_is_forgotten(measured: Measured, root: Path) -> None:
    (root / FIRST).unlink()
    measured.add({})
    assert measured.coverage().of_file(CODE) == frozenset()


def test_all_files_together_say_which_tests_run_a_statement(measured: Measured) -> None:
    coverage = measured.coverage()
    tests = [f"{FIRST}::test_a", f"{FIRST}::test_b"]
    assert coverage.statements == {CODE: {3: frozenset(tests), 4: frozenset(tests[1:])}}
    assert coverage.seconds[f"{SECOND}::test_b"] == 2.0
    assert coverage.unfit == {f"{SECOND}::test_b"}


def test_some_test_files_can_be_looked_at_alone(measured: Measured, root: Path) -> None:
    for path in (FIRST, SECOND):
        (root / path).write_text("other", "utf-8")
    assert measured.stale({FIRST, "tests/test_gone.py"}) == [FIRST]
    assert set(measured.coverage({SECOND}).seconds) == {f"{SECOND}::test_a", f"{SECOND}::test_b"}
