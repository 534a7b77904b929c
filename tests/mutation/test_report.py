"""Tests of the scores: both numbers are shown, with and without the mutants that were judged to change nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutation import documents
from tests.mutation.chapters import CHAPTERS, ROOT
from tests.mutation.judged import Judged
from tests.mutation.mutant import difference
from tests.mutation.report import between, listed, score, table
from tests.mutation.session import Result


def result(number: int, outcome: str) -> Result:
    mutant = difference(
        "shared/box.py", "f", "core/NumberReplacer", "unit", number, f"n = {number}\n", f"n = {number}9\n"
    )
    return Result(mutant, outcome, "")


RESULTS = [
    *(result(number, "noticed") for number in range(100, 111)),
    result(2, "timeout"),
    result(3, "survived"),
    result(4, "untested"),
    result(5, "survived"),
]
CHANGES_NOTHING = Judged("shared/box.py", "f", "n = 5", (), "no code reads it")
SCORE = score("pipeline", 40, RESULTS, [CHANGES_NOTHING], "2026-11-30", "a machine")


def test_report_leaves_judged_mutants_out_of_the_denominator_and_shows_both() -> None:
    assert (SCORE.mutants, SCORE.tried, SCORE.noticed, SCORE.judged) == (40, 15, 12, 1)
    assert (SCORE.plain, SCORE.without_judged) == (12 / 15, 12 / 14)
    row = table([SCORE]).splitlines()[2]
    assert row == "| `pipeline` | 40 | 15 | 12 | 80.0 % | 1 | 85.7 % | 2 | 2026-11-30 |"
    assert "a machine" in table([SCORE])


def test_report_ignores_a_judgement_of_a_mutant_that_was_killed() -> None:
    of_a_noticed_one = Judged("shared/box.py", "f", "n = 100", (), "no code reads it")
    assert score("pipeline", 40, RESULTS, [CHANGES_NOTHING, of_a_noticed_one], "2026-11-30", "a machine") == SCORE


def test_report_cuts_a_score_and_never_rounds_it_up() -> None:
    results = [result(number, "noticed" if number <= 8499 else "survived") for number in range(1, 10_001)]
    rounded = score("pipeline", 10_000, results, [], "2026-11-30", "a machine")
    assert "| 84.9 % |" in table([rounded])
    assert not rounded.is_reached


def test_report_lists_a_survivor_with_its_position_change_and_coverage() -> None:
    lines = listed([SCORE]).rstrip().splitlines()
    assert lines == [
        "## pipeline",
        "",
        "- shared/box.py:1, `f`: `` n = 3 `` → `` n = 39 ``",
        "- shared/box.py:1, `f` (no test of the first tier runs it): `` n = 4 `` → `` n = 49 ``",
    ]


def test_report_writes_only_between_the_markers() -> None:
    document = "above\n<!-- scores -->\nold\n<!-- /scores -->\nbelow\n"
    assert between(document, "scores", "new") == "above\n<!-- scores -->\nnew\n<!-- /scores -->\nbelow\n"
    with pytest.raises(ValueError, match="once"):
        between(document, "others", "new")


def test_report_of_a_chapter_keeps_the_figures_of_the_others(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    for path, mark in ((documents.SCORES, "mutations"), (documents.SURVIVORS, "survivors")):
        (tmp_path / path).write_text(f"<!-- {mark} -->\n<!-- /{mark} -->\n", "utf-8")
    other = score("images", 3, RESULTS, [], "2026-11-29", "another machine")
    for score_kept in (other, SCORE, SCORE):
        documents.keep(score_kept, tmp_path)
    assert documents.scores(tmp_path) == [SCORE, other]
    assert documents.written(tmp_path)[documents.SCORES] == (tmp_path / documents.SCORES).read_text("utf-8")


def test_report_documents_show_the_measured_scores() -> None:
    for path, text in documents.written().items():
        assert (ROOT / path).read_text("utf-8") == text, f"{path}: run `make mutate`, or undo the change"


def test_chapters_each_have_files() -> None:
    assert [chapter.name for chapter in CHAPTERS if not chapter.files()] == []
    files = [path for chapter in CHAPTERS for path in chapter.files()]
    assert len(files) == len(set(files))
