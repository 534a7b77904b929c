"""A mutant is tested by the tests that ran its line, the quickest first."""

from __future__ import annotations

import pytest

from tests.mutation.chapters import ROOT
from tests.mutation.choice import (
    APART,
    DECODERS,
    VIEW_READER,
    Coverage,
    imported_files,
    is_called_at_import,
    statement_at,
)

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
    ("line", "first"),
    [(10, 9), (11, 9), (15, 14), (16, 14)],  # a condition and a call, over several lines
)
def test_a_line_of_a_function_belongs_to_its_statement(line: int, first: int) -> None:
    assert statement_at(SOURCE, line) == statement_at(SOURCE, first)


def test_statements_of_functions_have_numbers_of_their_own() -> None:
    numbers = [statement_at(SOURCE, line) for line in (9, 12, 13, 14, 17, 18, 25)]
    assert None not in numbers
    assert len(set(numbers)) == len(numbers)


def test_a_statements_number_stays_when_docstrings_comments_and_imports_come_and_go() -> None:
    longer = f'"""What it is."""\n\nimport json\n{SOURCE}'.replace(
        '"""Return an area."""', '"""Multiply.\n\n    Twice.\n    """'
    )
    assert statement_at(longer, 25 + 3 + 3) == statement_at(SOURCE, 25)
    assert statement_at(longer, 12 + 3 + 3) == statement_at(SOURCE, 12)


@pytest.mark.parametrize("line", [1, 3, 6, 7, 21, 22, 24])
def test_constants_decorators_defaults_and_heads_are_run_when_the_module_is_imported(line: int) -> None:
    assert statement_at(SOURCE, line) is None


def coverage(**lines: dict[int, set[str]]) -> Coverage:
    by_path = {
        path: {statement_at(SOURCE, line) or 0: frozenset(ran) for line, ran in found.items()}
        for path, found in lines.items()
    }
    return Coverage(by_path, {"slow": 9.0, "quick": 0.1, "middle": 1.0})


def test_the_tests_of_the_line_are_chosen_the_quickest_first() -> None:
    found = coverage(box={12: {"slow", "quick"}, 14: {"middle"}})
    assert found.chosen("box", SOURCE, 12) == ["quick", "slow"]


def test_of_a_condition_over_several_lines_the_tests_of_all_are_chosen() -> None:
    assert coverage(box={9: {"quick", "middle"}}).chosen("box", SOURCE, 10) == ["quick", "middle"]


def test_what_runs_at_import_is_tested_by_every_test_of_the_file() -> None:
    assert coverage(box={12: {"slow"}, 25: {"quick"}}).chosen("box", SOURCE, 3) == ["quick", "slow"]


def test_a_line_that_nothing_runs_has_no_tests() -> None:
    assert coverage(box={12: {"slow"}}).chosen("box", SOURCE, 18) == []
    assert coverage(box={12: {"slow"}}).chosen("other", SOURCE, 12) == []


def test_a_test_that_fails_anyhow_is_not_chosen() -> None:
    found = Coverage(
        {"box": {statement_at(SOURCE, 12) or 0: frozenset({"quick", "broken"})}}, {}, unfit=frozenset({"broken"})
    )
    assert found.chosen("box", SOURCE, 12) == ["quick"]


def test_a_view_is_tested_by_whatever_asks_the_warehouse_and_by_the_tests_of_views() -> None:
    lines = {VIEW_READER: {60: frozenset({"tests/backlog/test_sweep.py::test_rows"})}}
    seconds = {"tests/system/infra/test_views.py::test_grain": 0.1, "tests/test_review.py::test_a_view": 0.1}
    chosen = Coverage(lines, seconds).chosen("infra/bigquery/views/calls.sql", "SELECT 1", 1)
    assert set(chosen) == {"tests/backlog/test_sweep.py::test_rows", "tests/system/infra/test_views.py::test_grain"}


def test_what_only_the_decoders_process_runs_is_tested_by_whatever_decodes_there() -> None:
    found = Coverage({APART: {70: frozenset({"decodes"})}}, {})
    assert found.chosen(f"{DECODERS}decode_worker.py", SOURCE, 12) == ["decodes"]
    assert found.chosen("elsewhere/box.py", SOURCE, 12) == []


def test_what_is_chosen_by_its_path_is_there() -> None:
    assert (ROOT / VIEW_READER).is_file()
    assert (ROOT / APART).is_file()
    assert (ROOT / DECODERS).is_dir()


def test_a_function_that_a_module_calls_while_it_is_imported_is_tested_by_every_test_of_the_file() -> None:
    source = SOURCE.replace("LIMIT = 3", "LIMIT = area(1, 2)")
    assert [is_called_at_import(source, line) for line in (3, 9, 25)] == [False, True, False]
    found = Coverage({"box": {statement_at(source, 25) or 0: frozenset({"quick"})}}, {})
    assert found.chosen("box", source, 12) == ["quick"]
    assert found.chosen("box", SOURCE, 12) == []


def test_constant_is_tested_by_the_tests_that_import_its_module_too() -> None:
    found = Coverage({"box": {statement_at(SOURCE, 25) or 0: frozenset({"runs"})}}, {}, {"box": frozenset({"reads"})})
    assert found.chosen("box", SOURCE, 3) == ["reads", "runs"]
    assert found.chosen("box", SOURCE, 25) == ["runs"]


def test_imports_of_modules_and_of_names_in_them_are_files() -> None:
    source = "import shared.box\nfrom shared.inference import heatmap\nfrom shared.bundles.folders import MODELS\n"
    found = imported_files(source)
    assert {"shared/box.py", "shared/inference/heatmap.py", "shared/bundles/folders.py"} <= found
