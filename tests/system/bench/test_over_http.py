"""Tests of the benchmark's machinery, against a real server in a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.environments import Environment
from tests.system.bench.driving import Failed, load
from tests.system.bench.field import LIMIT, Contestant
from tests.system.bench.load import Plan
from tests.system.bench.over_http import (
    CLIENTS,
    COLD,
    MEMORY,
    RATE,
    SHARES,
    SIZE,
    Windows,
    large,
    latency,
    measure_http,
)
from tests.system.bench.photographs import LARGE, Photograph
from tests.system.bench.server import NotAnswering, Server
from tests.system.bench.wire import raw

Competitor = Callable[..., Contestant]
HERE = Environment(Path(sys.prefix))
"""Stands for the environment of the deployed functions."""
SHORT = Windows(warm=0.05, steady=0.2, weigh=0.1, large=0.05, least_large=2)


@pytest.fixture
def server(competitor: Competitor, pictures: list[Photograph], tmp_path: Path) -> Iterator[Server]:
    """A server that already answers."""
    started = competitor().start(tmp_path)
    try:
        started.first_answer(raw("/", pictures[0].path.read_bytes(), "image/jpeg"))
        yield started
    finally:
        started.stop()


def request_file(folder: Path, path: str, content: bytes) -> str:
    file = folder / "request"
    file.write_bytes(raw(path, content, "image/jpeg"))
    return str(file)


def test_contestant_is_measured_in_every_column_or_drops_out_with_a_reason(
    competitor: Competitor, pictures: list[Photograph]
) -> None:
    field = [competitor(), competitor("liar", label="cactus"), competitor("broken", PYTHONHOME="nowhere")]
    run = measure_http(field, HERE, pictures, 1, SHORT, lambda _: None)
    by_name = {(figure.who, figure.what): figure for figure in run.figures}
    latencies = {latency(share, clients) for share in SHARES for clients in CLIENTS}
    columns = {COLD, *latencies, RATE, MEMORY, SIZE, *(large(kind) for kind in LARGE)}
    assert {what for contestant, what in by_name if contestant == "stand-in"} >= columns
    assert {what for contestant, what in by_name if contestant == LIMIT} >= {
        COLD,
        latency(50, 1),
        RATE,
        large("12 MP PNG"),
    }
    assert all(len(figure.values) == 1 and min(figure.values) > 0 for figure in run.figures)
    assert by_name["stand-in", SIZE].values == (1.5,)
    assert set(run.failures) == {"liar", "broken"}
    assert "cactus" in run.failures["liar"]
    assert "exited with code" in run.failures["broken"]


def test_load_keeps_a_request_in_flight_per_client_and_times_each_answer(
    server: Server, pictures: list[Photograph], tmp_path: Path
) -> None:
    request = request_file(tmp_path, "/", pictures[0].path.read_bytes())
    measured = load(Plan(server.port, [request], clients=3, seconds=0.0, least=30))
    assert measured.statuses[200] == len(measured.took_ms) >= 30
    assert 0 < min(measured.took_ms) <= 1000 * measured.seconds
    assert measured.cpu_s > 0


def test_load_reconnects_to_a_server_that_closes_after_each_answer(
    server: Server, pictures: list[Photograph], tmp_path: Path
) -> None:
    request = request_file(tmp_path, "/close", pictures[0].path.read_bytes())
    assert load(Plan(server.port, [request], clients=2, seconds=0.0, least=10)).statuses[200] >= 10


def test_load_sends_a_request_larger_than_a_sockets_buffer_whole(
    server: Server, pictures: list[Photograph], tmp_path: Path
) -> None:
    padded = pictures[0].path.read_bytes() + bytes(8_000_000)
    request = request_file(tmp_path, "/", padded)
    assert load(Plan(server.port, [request], clients=2, seconds=0.0, least=4)).statuses[200] >= 4


def test_load_fails_for_answers_other_than_200(server: Server, pictures: list[Photograph], tmp_path: Path) -> None:
    request = request_file(tmp_path, "/404", pictures[0].path.read_bytes())
    with pytest.raises(Failed, match="404"):
        load(Plan(server.port, [request], clients=1, seconds=0.0))


def test_load_fails_without_a_server(server: Server, pictures: list[Photograph], tmp_path: Path) -> None:
    server.stop()
    request = request_file(tmp_path, "/", pictures[0].path.read_bytes())
    with pytest.raises(Failed, match="ConnectionRefused"):
        load(Plan(server.port, [request], clients=1, seconds=0.0))


def test_server_is_stopped_with_its_children_even_if_they_ignore_sigterm(tmp_path: Path) -> None:
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    program = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {stubborn!r}]); time.sleep(600)"
    started = Server([sys.executable, "-c", program], {}, tmp_path, 0, tmp_path / "log")
    parent = psutil.Process(started.pid)
    while not parent.children():
        assert parent.is_running()
    children = parent.children()
    assert started.memory_mib() > 1
    started.stop()
    assert not any(process.is_running() for process in (parent, *children))


def test_server_that_exits_reports_its_last_output(tmp_path: Path) -> None:
    started = Server([sys.executable, "-c", "raise SystemExit('no model')"], {}, tmp_path, 1, tmp_path / "log")
    with pytest.raises(NotAnswering, match="no model"):
        started.first_answer(b"")
