from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.system.bench.field import US
from tests.system.bench.figures import Figure, Goal
from tests.system.bench.over_http import COLD, RATE, latency
from tests.system.bench.picture import draw
from tests.system.bench.results import Results, versions
from tests.system.bench.tables import document_of, goal_table, number
from tests.system.chaos.document import write_between


@pytest.fixture
def results() -> Results:
    figures = [
        Figure(US, COLD, "s", (0.4, 0.5, 0.6)),
        Figure("FastAPI, LiteRT", COLD, "s", (1.6, 1.0, 1.2)),
        Figure(US, RATE, "requests/s", (300.0, 200.0, 100.0)),
        Figure("FastAPI, LiteRT", RATE, "requests/s", (100.0, 100.0, 100.0)),
        *(Figure(US, latency(share, 1), "ms", (value,) * 3) for share, value in ((50, 5.0), (95, 6.0), (99, 7.25))),
        Figure(US, "events in a burst", "images/s", (60.0, 61.0, 62.5)),
    ]
    goal = Goal("start: at most 0.3 s", figures[0], None, at_most=0.3)
    return Results(
        "python -m tests.system.bench", 3, figures, [goal], {"BentoML, Keras": "there is no wheel\nfor this machine"}
    )


def test_tables_show_medians_in_the_row_of_their_contestant(results: Results) -> None:
    lines = document_of(results).splitlines()
    assert f"| **{US}** | 0.50 | 5.00 / 6.00 / 7.25 | – | – | 200 |" in lines
    assert "| FastAPI, LiteRT | 1.20 | – | – | – | 100 |" in lines


def test_table_ratios_are_of_rounds_and_above_one_where_bucketlens_is_better(results: Results) -> None:
    [line] = [line for line in document_of(results).splitlines() if line.startswith("| FastAPI, LiteRT | 2.00 (")]
    cells = [cell.strip() for cell in line.split("|")]
    assert cells[2] == "2.00 (2.00 to 4.00)"
    assert cells[6] == "2.00 (1.00 to 3.00)"


def test_goal_table_shows_the_figure_and_whether_the_goal_holds(results: Results) -> None:
    assert "| start: at most 0.3 s | 0.50 s | 0.40 s to 0.60 s | **no** |" in goal_table(results.goals)


def test_tables_list_figures_of_other_parts_and_failures(results: Results) -> None:
    text = document_of(results)
    assert f"| {US} | events in a burst | 61.0 images/s | 60.0 to 62.5 |" in text
    assert "- BentoML, Keras: there is no wheel for this machine" in text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0123, "0.012"),
        (0.1, "0.10"),
        (1.234, "1.23"),
        (12.34, "12.3"),
        (1234.4, "1,234"),
        (99.96, "100"),
        (9.996, "10.0"),
    ],
)
def test_numbers_have_three_significant_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_document_keeps_the_text_around_the_tables(results: Results, tmp_path: Path) -> None:
    path = tmp_path / "performance.md"
    path.write_text("Before\n<!-- performance -->\nold\n<!-- /performance -->\nafter\n", "utf-8")
    write_between(path, "performance", document_of(results))
    text = path.read_text("utf-8")
    assert text.startswith("Before\n<!-- performance -->\n`python -m tests.system.bench`")
    assert text.endswith("<!-- /performance -->\nafter\n")
    assert "\nold\n" not in text


def test_results_file_has_every_value(results: Results, tmp_path: Path) -> None:
    results.save(tmp_path / "measured.json")
    kept = json.loads((tmp_path / "measured.json").read_text("utf-8"))
    assert kept["figures"][0] == {"who": US, "what": COLD, "unit": "s", "values": [0.4, 0.5, 0.6]}
    assert kept["goals"][0]["holds"] is False
    assert kept["versions"] == versions()
    assert {"ai-edge-litert", "tensorflow-cpu", "litserve", "bentoml", "mlserver", "fastapi"} <= set(versions())


def test_picture_is_drawn_of_the_figures_that_exist(results: Results, tmp_path: Path) -> None:
    draw(results, tmp_path / "performance.png")
    assert (tmp_path / "performance.png").read_bytes().startswith(b"\x89PNG")
