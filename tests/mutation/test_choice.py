"""A mutant is tested by the tests that ran its line, the quickest first."""

from __future__ import annotations

import pytest

from tests.mutation.choice import APART, DECODERS, VIEW_READER, Coverage, statement_of

SOURCE = """import math

LIMIT = 3


@decorated
def area(width, height=LIMIT):
    \"\"\"Return an area.\"\"\"
    if width > 0 and (
        height > 0
    ):
        return width * height
    try:
        return math.sqrt(
            width
        )
    except ValueError:
        return 0


class Box:
    sides = 4

    def count(self):
        return self.sides
"""


@pytest.mark.parametrize(
    ("line", "lines"),
    [
        (9, range(9, 12)),  # the whole condition
        (10, range(9, 12)),
        (12, range(12, 13)),
        (15, range(14, 17)),
        (17, range(17, 18)),  # an except clause
        (25, range(25, 26)),
    ],
)
def test_coverage_runs_a_line_of_a_function_with_its_statement(line: int, lines: range) -> None:
    assert statement_of(SOURCE, line) == lines


@pytest.mark.parametrize("line", [1, 3, 6, 7, 21, 22, 24])
def test_coverage_counts_constants_decorators_and_defaults_as_import(line: int) -> None:
    assert statement_of(SOURCE, line) is None


def coverage(**lines: dict[int, set[str]]) -> Coverage:
    by_path = {path: {line: frozenset(ran) for line, ran in found.items()} for path, found in lines.items()}
    return Coverage(by_path, {"slow": 9.0, "quick": 0.1, "middle": 1.0})


def test_choice_orders_the_tests_of_a_line_quickest_first() -> None:
    found = coverage(box={12: {"slow", "quick"}, 14: {"middle"}})
    assert found.chosen("box", SOURCE, 12) == ["quick", "slow"]


def test_choice_takes_the_tests_of_each_line_of_a_condition() -> None:
    assert coverage(box={9: {"quick"}, 10: {"middle"}}).chosen("box", SOURCE, 10) == ["quick", "middle"]


def test_choice_takes_every_test_of_the_file_for_code_that_runs_at_import() -> None:
    assert coverage(box={12: {"slow"}, 25: {"quick"}}).chosen("box", SOURCE, 3) == ["quick", "slow"]


def test_choice_is_empty_for_a_line_that_no_test_runs() -> None:
    assert coverage(box={12: {"slow"}}).chosen("box", SOURCE, 18) == []
    assert coverage(box={12: {"slow"}}).chosen("other", SOURCE, 12) == []


def test_choice_leaves_out_a_test_that_fails_without_a_mutant() -> None:
    found = Coverage({"box": {12: frozenset({"quick", "broken"})}}, {}, frozenset({"broken"}))
    assert found.chosen("box", SOURCE, 12) == ["quick"]


def test_choice_for_a_view_is_the_tests_of_the_warehouse_and_of_views() -> None:
    lines = {VIEW_READER: {60: frozenset({"tests/backlog/test_sweep.py::test_rows"})}}
    seconds = {"tests/system/infra/test_views.py::test_grain": 0.1, "tests/test_review.py::test_a_view": 0.1}
    chosen = Coverage(lines, seconds).chosen("infra/bigquery/views/calls.sql", "SELECT 1", 1)
    assert set(chosen) == {"tests/backlog/test_sweep.py::test_rows", "tests/system/infra/test_views.py::test_grain"}


def test_choice_for_the_decoders_process_is_the_tests_that_decode_there() -> None:
    found = Coverage({APART: {70: frozenset({"decodes"})}}, {})
    assert found.chosen(f"{DECODERS}decode_worker.py", SOURCE, 12) == ["decodes"]
    assert found.chosen("elsewhere/box.py", SOURCE, 12) == []
