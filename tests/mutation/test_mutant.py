"""A mutant says what it changes, and is the same one as long as the code that it changes is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mutation.mutant import difference, sample

SOURCE = "def f(a):\n    return a < 1\n\n\ndef g(a):\n    return a\n"


def changed(before: str, after: str, source: str = SOURCE) -> str:
    assert source.count(before) == 1
    return source.replace(before, after)


@pytest.mark.parametrize(
    ("before", "after", "line", "says"),
    [
        ("<", "<=", 2, ("return a < 1", "return a <= 1")),
        (" < 1", "", 2, ("return a < 1", "return a")),
        ("1", "11", 2, ("return a < 1", "return a < 11")),
        ("    return a\n", "    pass\n", 6, ("return a", "pass")),
        ("return a < 1\n", "\n", 2, ("return a < 1", "")),
    ],
)
def test_a_mutant_says_its_line_before_and_after(before: str, after: str, line: int, says: tuple[str, str]) -> None:
    mutated = changed(before, after)
    found = difference("f.py", "f", "core/AddNot", "unit", 0, SOURCE, mutated)
    assert (found.line, (found.before, found.after)) == (line, says)
    assert found.edit.applied_to(SOURCE) == mutated


def test_a_mutant_is_the_same_when_its_function_is_renamed_or_lines_above_it_change() -> None:
    longer = f"# a comment\n{SOURCE}"
    first = difference("f.py", "f", "core/AddNot", "unit", 0, SOURCE, changed("<", "<="))
    later = difference("f.py", "is_below", "core/AddNot", "unit", 0, longer, changed("<", "<=", longer))
    assert (first.id, first.line) == (later.id, later.line - 1)


@pytest.mark.parametrize("part", ["path", "unit", "operator", "nth"])
def test_mutants_of_another_file_code_kind_or_number_are_others(part: str) -> None:
    parts: dict[str, Any] = {"path": "f.py", "place": "f", "operator": "core/AddNot", "unit": "unit", "nth": 0}
    mutated = changed("<", "<=")
    other = parts | {part: 1 if part == "nth" else "other"}
    one, two = (difference(**given, source=SOURCE, mutated=mutated) for given in (parts, other))
    assert one.id != two.id


def test_a_sample_is_the_same_each_time_and_grows_by_what_is_added() -> None:
    keys = [f"key {number}" for number in range(50)]
    assert sample(keys, 10) == sample(keys, 10)
    assert set(sample(keys, 10)) < set(sample(keys, 20))
    assert sample(keys, None) == sample(keys, 50) == sample(keys, 99) == list(range(50))
    assert sample(keys, 10) != list(range(10))


def test_a_sample_stays_when_other_mutants_go() -> None:
    keys = [f"key {number}" for number in range(50)]
    chosen = {keys[one] for one in sample(keys, 10)}
    fewer = [key for number, key in enumerate(keys) if number % 2 or key in chosen]
    assert {fewer[one] for one in sample(fewer, 10)} == chosen
