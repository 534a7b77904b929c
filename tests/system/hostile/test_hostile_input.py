"""Tests that each row of the table has exactly its outcome, and that the functions serve on within their memory."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from shared.local.cloud import Cloud
from tests.pictures import encoded, scene
from tests.system.hostile.endpoints import Endpoints, Request, Upload
from tests.system.hostile.row import ENDPOINTS, Row
from tests.system.hostile.table import ROWS, SECTIONS, hostile_table
from tests.system.hostile.texts import SQL

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "hostile-input.md"
MEMORY_LIMIT_BYTES = 256 << 20
"""Half of the memory of an instance (MEMORY_MB in the settings); the most that a row took was 160 MiB."""

GIB = 1 << 30
WAITING = 40
"""More slow clients than the server has threads."""


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what)
def test_hostile_input_has_its_exact_outcome_within_the_memory_limit(endpoints: Endpoints, row: Row) -> None:
    sent = row.make()
    assert row.endpoint == ENDPOINTS[type(sent)]
    for server in endpoints.servers:
        server.forget_peak()
    assert endpoints.send(sent) == row.expected
    assert max(server.peak_bytes() for server in endpoints.servers) < MEMORY_LIMIT_BYTES


def test_hostile_table_is_complete_and_has_no_duplicates() -> None:
    assert len(ROWS) >= 60
    assert len({row.what for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("section", SECTIONS)
def test_hostile_input_page_shows_the_table(section: str) -> None:
    text = DOCUMENT.read_text("utf-8")
    assert f"<!-- {section} -->\n{hostile_table(section)}\n<!-- /{section} -->" in text, "run: make docs"


def test_hostile_names_are_stored_as_text_and_harm_no_table(endpoints: Endpoints) -> None:
    uploads = {sent.name: sent for row in SECTIONS["names"] if isinstance(sent := row.make(), Upload)}
    for name in uploads.keys() - set(endpoints.landed(list(uploads))):
        endpoints.send(uploads[name])
    assert sorted(endpoints.landed(list(uploads))) == sorted(uploads)
    assert SQL in uploads


def grow(objects: Path, bucket: str, name: str, size: int) -> None:
    """Give an object of the local store another size, without writing its bytes: the rest of its file is a hole."""
    with contextlib.closing(sqlite3.connect(objects / "index.sqlite", timeout=10)) as index, index:
        condition = "bucket = ? AND name = ? AND deleted IS NULL"
        [(file,)] = index.execute(f"SELECT file FROM objects WHERE {condition}", (bucket, name)).fetchall()
        index.execute(f"UPDATE objects SET size = ? WHERE {condition}", (size, bucket, name))
    [path] = objects.rglob(Path(file).name)
    os.truncate(path, size)


def test_hostile_object_of_a_gigabyte_is_refused_by_its_size_and_not_read(endpoints: Endpoints, cloud: Cloud) -> None:
    name = "sparse.jpg"
    assert endpoints.send(Upload(f"read/{name}", encoded(scene(), "JPEG"))) == "predicted"
    assert endpoints.bytes_were_read_of(f"read/{name}")
    endpoints.put(name, b"\xff\xd8\xff")
    grow(cloud.folder / "objects", endpoints.buckets[0], name, GIB)
    assert endpoints.store.find(endpoints.buckets[0], name).size_bytes == GIB
    request = Request(
        json.dumps({"uri": f"gs://{endpoints.buckets[0]}/{name}"}).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        assert endpoints.send(request) == "413 too_many_bytes"
        assert not endpoints.bytes_were_read_of(name)
    finally:
        grow(cloud.folder / "objects", endpoints.buckets[0], name, 3)


def test_slow_clients_on_every_thread_do_not_block_others_for_long(endpoints: Endpoints) -> None:
    address = urlsplit(endpoints.slow.url)
    slow = [socket.create_connection((address.hostname, address.port)) for _ in range(WAITING)]
    try:
        for connection in slow:
            connection.sendall(b"POST /v1/classify HTTP/1.1\r\nX-Slow: ")
        answers = [requests.get(f"{endpoints.slow.url}/v2/health/live", timeout=30).status_code for _ in range(3)]
        assert answers == [200] * 3
        with ThreadPoolExecutor(WAITING) as pool:
            ends = list(pool.map(lambda connection: connection.recv(1), slow))
        assert ends == [b""] * WAITING
    finally:
        for connection in slow:
            connection.close()


def test_functions_are_the_same_processes_and_ready_after_hostile_input(endpoints: Endpoints) -> None:
    for server in endpoints.servers:
        assert server.worker.is_running()
        assert requests.get(f"{server.url}/v2/health/ready", timeout=30).json() == {"ready": True, "live": True}


def test_functions_log_no_crash_and_no_foreign_line_of_hostile_input(endpoints: Endpoints) -> None:
    for server in endpoints.servers:
        records = [json.loads(line) for line in server.lines()]  # a name that made two lines of one would be no JSON
        assert [line for line in records if line.get("outcome") == "crashed" or line["severity"] == "EMERGENCY"] == []
        assert "127.0.0.1" not in server.errors()
        assert "Traceback" not in server.errors()
