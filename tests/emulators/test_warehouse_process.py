"""The warehouse as a process: it reports its start in a sentence, keeps acknowledged rows, and stops on a signal."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from google.cloud import bigquery

from shared.emulators.bigquery.start.lifecycle import warehouse_running
from shared.emulators.errors import StartError
from tests.emulators.warehouse_parts import SCHEMAS, client_of, prediction
from tests.writable import copy_tree

ROOT = SCHEMAS.parents[1]
TABLE = "local.bucketlens.predictions"


def command(data: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "shared.emulators.bigquery", "--port", "0", "--data", str(data), *more]


@contextmanager
def process(data: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a warehouse; yields it with its URL, and ends it."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    running = subprocess.Popen(
        command(data, *more), cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert running.stdout is not None
        line = running.stdout.readline()
        actual = re.search(r"http://\S+", line)
        assert actual, (line, running.communicate(timeout=20))
        yield running, actual.group()
    finally:
        running.kill()
        running.communicate(timeout=20)


def fails(data: Path, *more: str) -> str:
    """Return the message of a warehouse that cannot start."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        command(data, *more), cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1, ended
    assert ended.stdout == ""
    return ended.stderr


def test_warehouse_reports_its_url_and_data(tmp_path: Path) -> None:
    with process(tmp_path / "new" / "data", "--schemas", str(SCHEMAS)) as (running, url):
        status = requests.get(f"{url}/status", timeout=10).json()
        assert (status["status"], status["project"], status["dataset"]) == ("ready", "local", "bucketlens")
        assert status["pid"] == running.pid
        assert {"predictions", "failures", "labels", "latest_predictions"} <= set(status["tables"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_warehouse_stops_on_a_signal_while_a_query_runs(tmp_path: Path, number: signal.Signals) -> None:
    with process(tmp_path) as (running, url):
        array = "UNNEST(GENERATE_ARRAY(1, 1000000))"
        with client_of(url) as client:
            job = client.query(f"SELECT SUM(a * b) FROM {array} AS a, {array} AS b")
            assert job.state != "DONE"
        running.send_signal(number)
        assert running.wait(timeout=20) == 0
        assert running.stderr is not None
        assert running.stderr.read() == ""


def test_warehouse_loses_no_acknowledged_row_when_killed(tmp_path: Path) -> None:
    acknowledged: list[str] = []
    enough = threading.Event()

    def insert(url: str, caller: int) -> None:
        with client_of(url) as client:
            for number in range(1000):
                name = f"{caller}-{number}"
                row = prediction(0, prediction_id=name)
                try:
                    assert client.insert_rows_json(TABLE, [row], row_ids=[name], retry=None) == []
                except (requests.ConnectionError, OSError):
                    return
                acknowledged.append(name)
                if len(acknowledged) >= 60:
                    enough.set()

    with process(tmp_path, "--schemas", str(SCHEMAS)) as (running, url):
        callers = [threading.Thread(target=insert, args=(url, caller)) for caller in range(4)]
        for caller in callers:
            caller.start()
        assert enough.wait(60)
        running.kill()
        for caller in callers:
            caller.join()
    with process(tmp_path, "--schemas", str(SCHEMAS)) as (_, url), client_of(url) as client:
        rows = client.query_and_wait(f"SELECT prediction_id, COUNT(*) AS copies FROM `{TABLE}` GROUP BY 1")
        actual = {row["prediction_id"]: row["copies"] for row in rows}
    assert set(acknowledged) <= set(actual)
    assert set(actual.values()) == {1}


def test_warehouse_keeps_rows_tables_and_views_after_a_restart(tmp_path: Path) -> None:
    with warehouse_running(tmp_path, SCHEMAS) as url, client_of(url) as client:
        client.insert_rows_json(TABLE, [prediction(1)])
        mine = client.create_table(bigquery.Table("local.bucketlens.mine", [_column("a")]))
        client.insert_rows_json(mine, [{"a": 1}])
        before = client.get_table(TABLE)
    with warehouse_running(tmp_path, SCHEMAS) as url, client_of(url) as client:
        after = client.get_table(TABLE)
        assert (after.etag, after.num_rows, after.schema) == (before.etag, 1, before.schema)
        assert [row["a"] for row in client.list_rows("bucketlens.mine", selected_fields=[_column("a")])] == [1]
        assert len(list(client.query_and_wait("SELECT * FROM bucketlens.latest_predictions"))) == 1


def test_warehouse_reports_a_port_in_use_in_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        message = fails(tmp_path, "--port", str(port))
    assert f"127.0.0.1:{port} is in use by another process; choose another --port" in message


def test_warehouse_reports_a_file_in_use_in_a_sentence(tmp_path: Path) -> None:
    with process(tmp_path) as (running, _):
        assert f"is in use by process {running.pid}" in fails(tmp_path)


def test_warehouse_reports_a_damaged_file_and_leaves_it(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    path.write_bytes(b"this is no database" * 1000)
    message = fails(tmp_path)
    assert "cannot be opened" in message
    assert "move it away" in message
    assert path.read_bytes().startswith(b"this is no database")


@pytest.mark.parametrize("name", ["system", "temp", "memory"])
def test_warehouse_reports_a_reserved_project_name_in_a_sentence(tmp_path: Path, name: str) -> None:
    assert "choose another --project" in fails(tmp_path, "--project", name)


@pytest.fixture
def schemas(tmp_path: Path) -> Path:
    """A copy of infra/bigquery that a test may change."""
    return copy_tree(SCHEMAS, tmp_path / "schemas")


def _column(name: str) -> bigquery.SchemaField:
    return bigquery.SchemaField(name, "INTEGER")


def _change(path: Path, change: Callable[[list[dict[str, Any]]], object]) -> None:
    columns = json.loads(path.read_text())
    change(columns)
    path.write_text(json.dumps(columns))


def test_schema_file_with_new_columns_adds_them(tmp_path: Path, schemas: Path) -> None:
    with warehouse_running(tmp_path / "data", schemas) as url, client_of(url) as client:
        client.insert_rows_json(TABLE, [prediction(1)])

    def grow(columns: list[dict[str, Any]]) -> None:
        columns.append({"name": "extra", "type": "STRING"})
        image = next(column for column in columns if column["name"] == "image")
        image["fields"].append({"name": "camera", "type": "STRING"})
        columns[0]["description"] = "Said better."

    _change(schemas / "tables" / "predictions.json", grow)
    view = schemas / "views" / "calls.sql"
    view.write_text(view.read_text().replace("'predicted'", "'classified'"))
    with warehouse_running(tmp_path / "data", schemas) as url, client_of(url) as client:
        row = prediction(2, extra="x")
        row["image"]["camera"] = "y"
        assert client.insert_rows_json(TABLE, [row]) == []
        actual = client.query_and_wait(f"SELECT extra, image.camera FROM `{TABLE}` ORDER BY extra")
        assert [tuple(one.values()) for one in actual] == [(None, None), ("x", "y")]
        assert client.get_table(TABLE).schema[0].description == "Said better."
        outcomes = client.query_and_wait("SELECT DISTINCT outcome FROM bucketlens.calls")
        assert [one["outcome"] for one in outcomes] == ["classified"]


def test_schema_file_that_would_lose_rows_is_refused_in_a_sentence(tmp_path: Path, schemas: Path) -> None:
    with warehouse_running(tmp_path / "data", schemas):
        pass
    _change(schemas / "tables" / "labels.json", lambda columns: columns[0].update(type="INTEGER"))
    _change(schemas / "tables" / "failures.json", lambda columns: columns.pop())
    with pytest.raises(StartError) as caught, warehouse_running(tmp_path / "data", schemas):
        pass
    text = str(caught.value)
    assert "labels.json: Provided Schema does not match Table. Field label_id has changed type" in text
    assert "failures.json: Provided Schema does not match Table. Field call is missing" in text
    assert "move the --data folder away" in text


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("tables/labels.json", "[", "labels.json"),
        ("tables/labels.json", '[{"name": "a", "type": "SHAPE"}]', "SHAPE"),
        ("views/calls.sql", "SELECT nope FROM `${dataset}.labels`", "calls.sql: Unrecognized name: nope"),
        ("views/calls.sql", "SELEC 1", "calls.sql: Syntax error"),
        ("views/calls.sql", "SELECT * FROM `${dataset}.nobody`", "calls.sql: Not found: Table"),
    ],
)
def test_schema_file_that_is_invalid_is_named(
    tmp_path: Path, schemas: Path, name: str, content: str, sentence: str
) -> None:
    (schemas / name).write_text(content)
    with pytest.raises(StartError, match=re.escape(sentence)), warehouse_running(tmp_path / "data", schemas):
        pass
