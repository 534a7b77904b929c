"""Tests that an apply adds new columns to tables of an earlier release in place, with their rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.environments import ROOT
from tests.system.infra.terraform import Terraform, of_environment

TABLES = ROOT / "infra" / "bigquery" / "tables"
OF_EACH_CALL = {"call.batch_id", "call.is_probe"}
ADDED = {
    "failures": OF_EACH_CALL,
    "labels": {"is_new_label"},
    "predictions": {*OF_EACH_CALL, "image.generated_by", "image.note", "is_unfamiliar", "signals"},
}
"""Columns that the tables of version 0.1.0 lack, by table."""

ONLY = "-target=module.bigquery.google_bigquery_table.table"

Columns = list[dict[str, Any]]


def without(columns: Columns, names: set[str], above: str = "") -> Columns:
    """Return columns without some of them, which are named by their path."""
    return [
        {**column, "fields": without(column["fields"], names, f"{above}{column['name']}.")}
        if "fields" in column
        else column
        for column in columns
        if f"{above}{column['name']}" not in names
    ]


@pytest.fixture(scope="module")
def deployed(initialised: Terraform, tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """A copy whose tables have been made."""
    copy = initialised.copy(tmp_path_factory.mktemp("tables") / "tree")
    copy.run("apply", "-input=false", "-auto-approve", ONLY, *of_environment("test", wait_s=0))
    return copy


def actions(copy: Terraform) -> dict[str, list[str]]:
    """Return what a plan would do to each table."""
    copy.run("plan", "-input=false", "-out=tables.plan", ONLY, *of_environment("test", wait_s=0))
    changes = json.loads(copy.run("show", "-json", "tables.plan"))["resource_changes"]
    return {
        change["index"]: change["change"]["actions"]
        for change in changes
        if change["address"].startswith("module.bigquery.google_bigquery_table.table[")
    }


def rewritten(copy: Terraform, folder: Path, change: Callable[[str, Columns], Columns | None]) -> Terraform:
    """Return a copy in whose state each table has other columns; a table that gets None is not there."""
    earlier = copy.copy(folder / "tree")
    state = json.loads(earlier.state.read_text("utf-8"))
    for resource in state["resources"]:
        if (resource["type"], resource["name"]) != ("google_bigquery_table", "table"):
            continue
        kept = []
        for instance in resource["instances"]:
            columns = change(instance["index_key"], json.loads(instance["attributes"]["schema"]))
            if columns is not None:
                instance["attributes"]["schema"] = json.dumps(columns)
                kept.append(instance)
        resource["instances"] = kept
    state["serial"] += 1
    earlier.state.write_text(json.dumps(state), "utf-8")
    return earlier


def test_new_columns_are_added_to_tables_from_before_in_place(deployed: Terraform, tmp_path: Path) -> None:
    def of_0_1(table: str, columns: Columns) -> Columns | None:
        return None if table == "model_events" else without(columns, ADDED.get(table, set()))

    assert actions(rewritten(deployed, tmp_path, of_0_1)) == {
        "failures": ["update"],
        "labels": ["update"],
        "model_events": ["create"],
        "predictions": ["update"],
    }


def test_every_column_that_may_be_null_could_be_added_in_place(deployed: Terraform, tmp_path: Path) -> None:
    """Take the earliest table that could be: only the columns without which a row is refused."""

    def required(_: str, columns: Columns) -> Columns:
        return [
            {**column, "fields": required("", column["fields"])} if "fields" in column else column
            for column in columns
            if column["mode"] == "REQUIRED"
        ]

    assert set(map(tuple, actions(rewritten(deployed, tmp_path, required)).values())) <= {("update",), ("no-op",)}


def test_columns_that_would_replace_a_table_are_found(deployed: Terraform, tmp_path: Path) -> None:
    """Guard the tests above: a plan shows a replacement, and with it the loss of all rows."""
    mistakes: dict[str, Callable[[Columns], Columns]] = {
        "failures": lambda columns: columns[1:],  # a required column is new
        "labels": lambda columns: [{**columns[0], "type": "INTEGER"}, *columns[1:]],
        "model_events": lambda columns: [
            {**columns[0], "mode": "NULLABLE"},
            *columns[1:],
        ],  # it is required from now on
        "predictions": lambda columns: [_with_one_field_more(column) for column in columns],
    }
    copy = rewritten(deployed, tmp_path, lambda table, columns: mistakes[table](columns))
    planned = actions(copy)
    assert planned.keys() == mistakes.keys()
    assert {tuple(sorted(done)) for done in planned.values()} == {("create", "delete")}


def test_columns_of_the_test_are_in_the_schema_files() -> None:
    """Guard the first test: a column with another name would be taken from nothing."""
    for table, names in ADDED.items():
        columns = json.loads((TABLES / f"{table}.json").read_text("utf-8"))
        paths = {column["name"] for column in columns} | {
            f"{column['name']}.{field['name']}" for column in columns for field in column.get("fields", [])
        }
        assert names <= paths


def _with_one_field_more(column: dict[str, Any]) -> dict[str, Any]:
    more = {"name": "gone", "type": "STRING", "mode": "NULLABLE"}
    return {**column, "fields": [*column["fields"], more]} if "fields" in column else column
