"""Tests of the mutants of a view: what may go wrong in SQL, one thing at a time."""

from __future__ import annotations

import pytest

from tests.mutation.chapters import ROOT
from tests.mutation.sql_mutants import rewritten, sql_mutants

PATH = "infra/bigquery/views/made_up.sql"
SOURCE = """-- Grain: one row per thing.
-- From:  things.
-- Use:   a test.
SELECT DISTINCT a, b AS c
FROM `${dataset}.things`
WHERE a > 1 AND b = 'x'
QUALIFY ROW_NUMBER() OVER (PARTITION BY a, b ORDER BY c DESC) = 1
UNION ALL
SELECT d, e
FROM `${dataset}.others`
"""


def mutants() -> dict[tuple[str, str], str]:
    mutants_made, total = sql_mutants(PATH, SOURCE)
    assert total == len(mutants_made)
    return {(mutant.operator, mutant.after): mutant.edit.applied_to(SOURCE) for mutant in mutants_made}


@pytest.mark.parametrize(
    ("operator", "after"),
    [
        ("sql/GT", "a >= 1 AND b = 'x'"),
        ("sql/EQ", "a > 1 AND b <> 'x'"),
        ("sql/And", "a > 1 OR b = 'x'"),
        ("sql/constant", "a > 2 AND b = 'x'"),
        ("sql/constant", "a > 1 AND b = 'x!'"),
        ("sql/distinct", "SELECT"),
        ("sql/union", "UNION DISTINCT"),
        ("sql/swap", "e, d"),
        ("sql/neighbour", "b AS a,"),
        ("sql/partition", "ROW_NUMBER() OVER (PARTITION BY b ORDER BY c DESC) = 1"),
        ("sql/direction", "ROW_NUMBER() OVER (PARTITION BY a, b ORDER BY c ASC NULLS LAST) = 1"),
    ],
)
def test_sql_mutants_cover_each_kind_of_mistake(operator: str, after: str) -> None:
    assert (operator, after) in mutants()


@pytest.mark.parametrize(("operator", "without"), [("sql/where", "WHERE"), ("sql/qualify", "QUALIFY")])
def test_sql_mutant_leaves_out_a_clause(operator: str, without: str) -> None:
    [text] = [text for (kind, _), text in mutants().items() if kind == operator]
    assert without in rewritten(SOURCE)
    assert without not in text


def test_sql_mutant_keeps_the_head_comment_and_the_dataset() -> None:
    for text in mutants().values():
        assert text.splitlines()[:3] == SOURCE.splitlines()[:3]
        assert text.count("${dataset}") == 2


def test_sql_mutants_differ_from_the_view_and_from_each_other() -> None:
    texts = list(mutants().values())
    assert rewritten(SOURCE) not in texts
    assert len(texts) == len(set(texts))


def test_sql_sample_is_reproducible() -> None:
    chosen, total = sql_mutants(PATH, SOURCE, 5)
    assert len(chosen) == 5
    assert total > 5
    assert chosen == sql_mutants(PATH, SOURCE, 5)[0]


@pytest.mark.parametrize("path", sorted((ROOT / "infra/bigquery/views").glob("*.sql")), ids=lambda path: path.stem)
def test_sql_mutants_of_every_view_have_unique_ids(path) -> None:  # type: ignore[no-untyped-def]
    mutants_made, _ = sql_mutants(str(path.relative_to(ROOT)), path.read_text("utf-8"))
    assert len({mutant.id for mutant in mutants_made}) == len(mutants_made) > 5
