"""The port is open to this machine only, and its callers reach the warehouse's rows and no other file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
import requests
from google.api_core import exceptions

from shared.emulators.bigquery.engine.engine import Engine

pytest_plugins = ("tests.emulators.warehouse_fixtures",)

Ask = Callable[..., list[tuple[Any, ...]]]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM `/etc/passwd`",
        "SELECT read_text('/etc/passwd')",
        "SELECT getenv('HOME')",
        "SELECT * FROM duckdb_settings()",
        "SELECT * FROM duckdb_tables",
        "SELECT current_setting('temp_directory')",
        "COPY (SELECT 1) TO '{folder}/out.csv'",
        "COPY bucketlens.predictions TO '{folder}/out.csv'",
        "EXPORT DATABASE '{folder}/out'",
        "ATTACH '{folder}/out.duckdb' AS x",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "PRAGMA database_list",
        "CHECKPOINT",
        "INSERT INTO bucketlens.labels SELECT * FROM read_csv('/etc/passwd')",
        "CREATE TABLE bucketlens.stolen AS SELECT * FROM read_csv('/etc/passwd')",
        "SELECT 1; COPY (SELECT 1) TO '{folder}/out.csv'",
    ],
)
def test_sql_cannot_reach_files_or_settings(ask_bigquery: Ask, tmp_path: Path, sql: str) -> None:
    with pytest.raises(exceptions.ClientError):
        ask_bigquery(sql.replace("{folder}", str(tmp_path)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "COPY (SELECT 1) TO '{folder}/out.csv'",
        "ATTACH '{folder}/out.duckdb'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET threads = 1",
    ],
)
def test_engine_refuses_files_and_settings_without_the_translation(tmp_path: Path, sql: str) -> None:
    engine = Engine(tmp_path / "data", "local")
    try:
        with engine.reader() as cursor, pytest.raises(duckdb.Error):
            cursor.execute(sql.replace("{folder}", str(tmp_path)))
        assert [path.name for path in tmp_path.iterdir()] == ["data"]
    finally:
        engine.close()


@pytest.mark.parametrize("sql", ["'", "\\", "it's", "a'); DROP TABLE t; --", "\0", "🌹", "%s", "{}", "$$"])
def test_sql_string_stays_a_string(ask_bigquery: Ask, sql: str) -> None:
    quoted = sql.replace("\\", "\\\\").replace("'", "\\'").replace("\0", "\\x00")
    assert ask_bigquery(f"SELECT '{quoted}'") == [(sql,)]


def test_sql_names_are_quoted(ask_bigquery: Ask) -> None:
    assert ask_bigquery('SELECT `a"b` FROM (SELECT 1 AS `a"b`)') == [(1,)]


@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example"}, {"Host": "evil.example:80"}, {"Origin": "https://evil.example"}, {"Origin": "null"}],
)
def test_browser_page_cannot_use_the_warehouse(warehouse_url: str, headers: dict[str, str]) -> None:
    answer = requests.get(f"{warehouse_url}/bigquery/v2/projects", headers=headers, timeout=10)
    assert answer.status_code == 403
    assert answer.json()["error"]["errors"][0]["reason"] == "accessDenied"


def test_host_names_of_this_machine_are_accepted(warehouse_url: str) -> None:
    port = warehouse_url.rsplit(":", 1)[1]
    for headers in ({}, {"Host": f"localhost:{port}"}, {"Origin": f"http://localhost:{port}"}):
        assert requests.get(f"{warehouse_url}/status", headers=headers, timeout=10).json()["status"] == "ready"


def test_unknown_method_or_project_is_an_error_in_googles_format(warehouse_url: str) -> None:
    for path in ("/bigquery/v2/projects/local/nope", "/bigquery/v2/projects/other/datasets", "/"):
        answer = requests.get(warehouse_url + path, timeout=10)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["status"]) == (404, 404, "NOT_FOUND")
        assert error["errors"][0]["reason"] == "notFound"
        assert error["message"].startswith("Not found")


def test_url_numbers_and_tokens_are_checked(warehouse_url: str) -> None:
    answer = requests.get(f"{warehouse_url}/bigquery/v2/projects/local/jobs?maxResults=-1", timeout=10)
    assert (answer.status_code, answer.json()["error"]["errors"][0]["reason"]) == (400, "invalid")
