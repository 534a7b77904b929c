"""The views are BigQuery SQL, each in a file that says what its rows are."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

BIGQUERY = Path(__file__).parents[1] / "infra" / "bigquery"
VIEWS = sorted((BIGQUERY / "views").glob("*.sql"))
TABLES = {path.stem for path in (BIGQUERY / "tables").glob("*.json")}
KNOWN = TABLES | {path.stem for path in VIEWS}
APPEND_ONLY = {"predictions", "failures"}

each_view = pytest.mark.parametrize("path", VIEWS, ids=lambda path: path.stem)


def query_of(path: Path) -> exp.Expression:
    """Parse a view as BigQuery would, in a dataset called the_dataset."""
    statements = sqlglot.parse(path.read_text("utf-8").replace("${dataset}", "the_dataset"), read="bigquery")
    assert len(statements) == 1
    [query] = statements
    assert isinstance(query, exp.Query)
    return query


def sources_of(query: exp.Expression) -> set[str]:
    return {table.name for table in query.find_all(exp.Table)}


def test_the_views_of_the_design_are_there() -> None:
    assert {path.stem for path in VIEWS} >= {
        "latest_predictions",
        "predictions_by_model",
        "calls",
        "daily_label_counts",
        "rejected_uploads",
        "latency_by_revision",
        "review_queue",
    }


@each_view
def test_a_view_is_one_query_in_bigquery_sql(path: Path) -> None:
    stars = query_of(path).find_all(exp.Star)
    assert all(isinstance(star.parent, exp.Count) for star in stars)  # SELECT * would change with its table


@each_view
def test_a_view_names_only_its_own_dataset_and_what_is_in_it(path: Path) -> None:
    for table in query_of(path).find_all(exp.Table):
        assert (table.catalog, table.db) == ("", "the_dataset"), table.sql("bigquery")
        assert table.name in KNOWN
    assert set(re.findall(r"\$\{(\w+)\}", path.read_text("utf-8"))) == {"dataset"}


@each_view
def test_a_view_says_its_grain_its_sources_and_its_use(path: Path) -> None:
    grain, source, use, *_ = path.read_text("utf-8").splitlines()
    assert grain.startswith("-- Grain: one row per ")
    assert source.startswith("-- From:  ")
    assert use.startswith("-- Use:   ")
    named = set(re.findall(r"\w+", re.sub(r"\(.*?\)", "", source))) & KNOWN
    assert named == sources_of(query_of(path))


@each_view
def test_a_view_over_an_append_only_table_counts_a_repeated_row_once_and_prunes(path: Path) -> None:
    """``calls`` counts rows on purpose. The partitioning column comes first, so that a filter passes the window."""
    query = query_of(path)
    if path.stem == "calls" or not sources_of(query) & APPEND_ONLY:
        return
    [window] = query.find_all(exp.Window)
    assert window.args["partition_by"][0].sql("bigquery") == "uploaded_on"
    assert query.args["qualify"].sql("bigquery").endswith("= 1")


@each_view
def test_a_view_keeps_the_column_that_prunes(path: Path) -> None:
    if path.stem != "latency_by_revision":  # which counts over all days
        assert "uploaded_on" in query_of(path).named_selects


@each_view
def test_a_view_names_each_column_once(path: Path) -> None:
    names = query_of(path).named_selects
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in names)


@pytest.mark.parametrize("view", ["latest_predictions", "predictions_by_model"])
def test_a_view_of_predictions_has_every_column_of_the_table(view: str) -> None:
    columns = [field["name"] for field in json.loads((BIGQUERY / "tables" / "predictions.json").read_text("utf-8"))]
    assert sorted(query_of(BIGQUERY / "views" / f"{view}.sql").named_selects) == sorted(columns)
