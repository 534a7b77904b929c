"""The scores say both numbers, with and without the mutants that were judged to change nothing."""

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
CHANGES_NOTHING = Judged("shared/box.py", "f", "n = 5", (), "nobody reads it")
SCORE = score("pipeline", 40, RESULTS, [CHANGES_NOTHING], "2026-11-30", "a machine")


def test_what_was_judged_reduces_the_denominator_and_both_numbers_are_shown() -> None:
    assert (SCORE.mutants, SCORE.tried, SCORE.noticed, SCORE.judged) == (40, 15, 12, 1)
    assert (SCORE.plain, SCORE.without_judged) == (12 / 15, 12 / 14)
    row = table([SCORE]).splitlines()[2]
    assert row == "| `pipeline` | 40 | 15 | 12 | 80.0 % | 1 | 85.7 % | 2 | 2026-11-30 |"
    assert "a machine" in table([SCORE])


def test_a_judgement_of_what_was_noticed_changes_no_number() -> None:
    of_a_noticed_one = Judged("shared/box.py", "f", "n = 100", (), "nobody reads it")
    assert score("pipeline", 40, RESULTS, [CHANGES_NOTHING, of_a_noticed_one], "2026-11-30", "a machine") == SCORE


def test_a_score_is_cut_and_not_rounded_up_to_the_goal() -> None:
    results = [result(number, "noticed" if number <= 8499 else "survived") for number in range(1, 10_001)]
    found = score("pipeline", 10_000, results, [], "2026-11-30", "a machine")
    assert "| 84.9 % |" in table([found])
    assert not found.is_reached


def test_a_survivor_is_listed_with_its_place_what_was_changed_and_whether_it_is_run() -> None:
    lines = listed([SCORE]).rstrip().splitlines()
    assert lines == [
        "## pipeline",
        "",
        "- shared/box.py:1, `f`: `` n = 3 `` → `` n = 39 ``",
        "- shared/box.py:1, `f` (no test of the first tier runs it): `` n = 4 `` → `` n = 49 ``",
    ]


def test_only_what_is_between_the_markers_is_written() -> None:
    document = "above\n<!-- scores -->\nold\n<!-- /scores -->\nbelow\n"
    assert between(document, "scores", "new") == "above\n<!-- scores -->\nnew\n<!-- /scores -->\nbelow\n"
    with pytest.raises(ValueError, match="once"):
        between(document, "others", "new")


def test_a_chapters_run_leaves_the_figures_of_the_others(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    for path, mark in ((documents.SCORES, "mutations"), (documents.SURVIVORS, "survivors")):
        (tmp_path / path).write_text(f"<!-- {mark} -->\n<!-- /{mark} -->\n", "utf-8")
    other = score("images", 3, RESULTS, [], "2026-11-29", "another machine")
    for one in (other, SCORE, SCORE):
        documents.keep(one, tmp_path)
    assert documents.scores(tmp_path) == [SCORE, other]
    assert documents.written(tmp_path)[documents.SCORES] == (tmp_path / documents.SCORES).read_text("utf-8")


def test_the_documents_say_what_was_measured() -> None:
    for path, text in documents.written().items():
        assert (ROOT / path).read_text("utf-8") == text, f"{path}: run `make mutate`, or take back what was changed"


def test_every_chapter_has_files() -> None:
    assert [chapter.name for chapter in CHAPTERS if not chapter.files()] == []
    files = [path for chapter in CHAPTERS for path in chapter.files()]
    assert len(files) == len(set(files))
