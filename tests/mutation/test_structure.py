"""A digest of code stays when code is renamed or reworded, and changes when it does something else."""

from __future__ import annotations

import ast

import pytest

from tests.mutation.structure import digest_of, digests_of_tests, unit_at

CODE = '''
import json

LIMIT = 3


@cached
def read(text: str, limit: int = LIMIT) -> str:
    """Read a text."""
    if len(text) > limit:
        raise ValueError(f"expected {limit} characters, had {len(text)}")
    found = json.loads(text.strip())
    return found["key"]
'''
TESTS = '''
LIMIT = 3


def test_one():
    """Say it."""
    assert LIMIT == 3


class TestBox:
    def test_two(self):
        with raises(ValueError, match="expected three"):
            read(LIMIT)
'''


def changed(before: str, after: str, source: str = CODE) -> str:
    assert before in source
    return source.replace(before, after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("text", "content"),
        ("read", "parsed"),
        ('"""Read a text."""', '"""Return a key.\n\n    Twice.\n    """'),
        ("import json\n", "import os\nimport json\n\n# a comment\n"),
        ("expected {limit} characters, had {len(text)}", "got {len(text)} of {limit} characters"),
        (": str, limit: int", ": str | None, limit: float"),
        ("(text.strip())", "(\n        text.strip(),\n    )"),
    ],
)
def test_a_digest_stays_when_names_texts_types_imports_or_layout_change(before: str, after: str) -> None:
    assert digest_of(ast.parse(changed(before, after))) == digest_of(ast.parse(CODE))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("> limit", ">= limit"),
        ("= 3", "= 4"),
        ("strip", "lstrip"),
        ("len(text) >", "sum(text) >"),
        ('"key"', '"other"'),
        ("> limit", "> text"),
        ("@cached\n", ""),
        ("    return found", "    found = None\n    return found"),
        ("raise ValueError", "raise KeyError"),
    ],
)
def test_a_digest_changes_when_the_code_does(before: str, after: str) -> None:
    assert digest_of(ast.parse(changed(before, after))) != digest_of(ast.parse(CODE))


@pytest.mark.parametrize(("line", "first"), [(4, 4), (7, 8), (9, 8), (13, 8)])
def test_a_unit_is_a_function_with_its_decorators_or_a_statement_outside(line: int, first: int) -> None:
    assert unit_at(ast.parse(CODE), line).lineno == first


def test_a_line_without_code_is_in_no_unit() -> None:
    with pytest.raises(ValueError, match="line 5"):
        unit_at(ast.parse(CODE), 5)


def test_each_test_of_a_file_has_a_digest_of_its_own_code() -> None:
    before, after = digests_of_tests(TESTS), digests_of_tests(changed("LIMIT == 3", "LIMIT >= 3", TESTS))
    assert set(before) == {"test_one", "test_two"}
    assert before["test_one"] != after["test_one"]
    assert before["test_two"] == after["test_two"]


def test_what_is_around_the_tests_counts_for_each_of_them() -> None:
    before, after = digests_of_tests(TESTS), digests_of_tests(changed("LIMIT = 3", "LIMIT = 4", TESTS))
    assert not set(before.values()) & set(after.values())


def test_a_sentence_that_a_test_expects_counts_and_its_name_does_not() -> None:
    before, after = digests_of_tests(TESTS), digests_of_tests(changed("test_one", "test_three", TESTS))
    assert list(before.values()) == list(after.values())
    assert before["test_two"] != digests_of_tests(changed("expected three", "expected four", TESTS))["test_two"]
