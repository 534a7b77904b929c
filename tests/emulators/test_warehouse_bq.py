"""Google's own ``bq`` works against the warehouse, from the discovery document that the warehouse serves."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from googleapiclient.discovery import build_from_document

from shared.emulators.bigquery.api.discovery import discovery_document
from shared.emulators.bigquery.api.routes import ROUTES

pytest_plugins = ("tests.emulators.warehouse_fixtures",)

Bq = Callable[..., str]


@pytest.fixture
def bq(warehouse_url: str, tmp_path: Path) -> Bq:
    """Return what runs bq with settings of its own, and returns what it printed."""
    program = shutil.which("bq")
    if not program:
        pytest.skip("bq, of the Google Cloud SDK, is not installed")
    general = ["--api", warehouse_url, "--oauth_access_token=local", "--project_id", "local", "--headless", "--quiet"]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "CLOUDSDK_CONFIG": str(tmp_path / "config"),
        "LANG": "C.UTF-8",
    }

    def run(*arguments: str, fails: bool = False) -> str:
        ended = subprocess.run(
            [program, *general, *arguments], capture_output=True, text=True, timeout=120, env=environment, check=False
        )
        assert (ended.returncode != 0) == fails, ended
        return " ".join(ended.stdout.split()) + ended.stderr

    return run


def test_bq_creates_a_table_inserts_rows_and_shows_them(bq: Bq, bigquery_dataset: str, tmp_path: Path) -> None:
    name = f"{bigquery_dataset.split('.')[1]}.t"
    assert "successfully created" in bq("mk", "--table", name, "a:INTEGER,b:STRING")
    (tmp_path / "rows.json").write_text('{"a": 1, "b": "x"}\n{"a": 2, "b": "y"}\n')
    bq("insert", name, str(tmp_path / "rows.json"))
    commands = (
        ("--format=json", "head", name),
        ("--format=json", "show", name),
        ("ls", bigquery_dataset.split(".")[1]),
    )
    with ThreadPoolExecutor() as pool:
        rows, shown, listed = pool.map(lambda command: bq(*command), commands)
    assert json.loads(rows) == [{"a": "1", "b": "x"}, {"a": "2", "b": "y"}]
    assert json.loads(shown)["numRows"] == "2"
    assert " t TABLE" in listed


def test_bq_runs_queries_and_shows_their_errors(bq: Bq) -> None:
    sql = "SELECT @n AS n, [1, 2] AS list, TIMESTAMP '2026-01-02 03:04:05' AS t"
    rows = json.loads(bq("--format=json", "query", "--nouse_legacy_sql", "--parameter=n:INT64:5", sql))
    assert rows == [{"n": "5", "list": ["1", "2"], "t": "2026-01-02 03:04:05"}]
    assert "Syntax error" in bq("query", "--nouse_legacy_sql", "SELEC 1", fails=True)


def test_discovery_document_has_every_route_of_the_server() -> None:
    service = build_from_document(discovery_document("http://127.0.0.1:1/"), credentials=None, http=object())
    for route in ROUTES:
        resource, method = route.id.split(".")
        assert callable(getattr(getattr(service, resource)(), method))
