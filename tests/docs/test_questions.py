"""Tests that the queries of docs/rows.md and docs/use.md run as they are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shared.adapters.bigquery import BigQuery
from tests.docs.questions import QUESTIONS
from tests.worlds import World

ROOT = Path(__file__).parents[2]


def test_questions_are_found() -> None:
    assert len(QUESTIONS) == 11


@pytest.mark.parametrize(("question", "sql"), [pytest.param(*pair, id=pair[0]) for pair in QUESTIONS])
def test_questions_are_each_answered_by_their_query(world: World, question: str, sql: str) -> None:
    assert isinstance(world.warehouse, BigQuery)
    assert world.warehouse.query(sql).columns


def test_queries_of_the_user_page_run(world: World) -> None:
    page = (ROOT / "docs" / "use.md").read_text("utf-8")
    queries = re.findall(r"bucketlens query \"(.+?)\"", page) + re.findall(r"--nouse_legacy_sql '(.+?)'", page)
    assert len(queries) >= 2
    assert isinstance(world.warehouse, BigQuery)
    for sql in queries:
        assert world.warehouse.query(sql).columns
