"""``bucketlens load`` over HTTP: its requests, the URLs that it refuses, and its output."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from shared.cli import main
from shared.cli.load import drawn_pictures
from shared.errors import BadRequest
from shared.local.cloud import Cloud
from shared.operations.load.pictures import MOST_PICTURES, largest_of, pictures_in
from shared.operations.load.plan import checked_target, is_surprising
from shared.pipeline.probe import is_marked
from tests.operations.load_server import Service, serving
from tests.pictures import encoded, scene

ROOT = Path(__file__).parents[2]
TOKEN = "the-token-of-a-test"  # not a secret


@pytest.fixture
def service() -> Iterator[Service]:
    with serving(Service()) as running:
        yield running


def load(url: str, *options: str, again: str | None = "", **environment: str) -> Result:
    twice = [] if again is None else ["--again", again or url]
    return CliRunner().invoke(main, ["load", url, *twice, *options], env={"COLUMNS": "200", **environment})


def report_of(result: Result) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def test_load_sends_each_picture_in_turn_without_rows(service: Service) -> None:
    result = load(service.url, "--clients=1", "--seconds=60", "--max-requests=7", "--json")
    assert result.exit_code == 0, result.output
    assert {(method, target) for method, target, _, _ in service.requests} == {("POST", "/v1/classify?record=false")}
    assert len(service.requests) == 8  # the first checks that the service answers
    assert {body for _, _, _, body in service.requests} == set(drawn_pictures())
    report = report_of(result)
    assert report["run"]["statuses"] == {"200": 7}
    assert report["run"]["ending"] == "max_requests"
    assert report["run"]["compute_ms"] == 5.0
    assert [row["setting"] for row in report["advice"]] == ["concurrency", "max_instances", "memory_mb"]
    assert 0 < report["usd"]["likely"] < report["usd"]["most"] < 1


def test_load_marks_its_requests_as_probes(service: Service) -> None:
    assert load(service.url, "--record", "--clients=1", "--max-requests=2").exit_code == 0
    assert all(is_marked(headers) for _, _, headers, _ in service.requests)


def test_load_leaves_rows_only_with_record(service: Service) -> None:
    assert load(service.url, "--record", "--clients=1", "--max-requests=2").exit_code == 0
    assert {target for _, target, _, _ in service.requests} == {"/v1/classify"}


def test_load_sends_the_token_and_never_prints_it(service: Service) -> None:
    options = ("--clients=1", "--max-requests=2")
    for result in (
        load(service.url, *options, BUCKETLENS_TOKEN=TOKEN),
        load(service.url, *options, f"--token={TOKEN}"),
    ):
        assert result.exit_code == 0
        assert TOKEN not in result.output
    assert {headers["authorization"] for _, _, headers, _ in service.requests} == {f"Bearer {TOKEN}"}


def test_load_prints_latencies_answers_cost_and_size(service: Service) -> None:
    result = load(service.url, "--rate=50", "--seconds=0.2")
    for word in ("p50", "p99", "since a request was due", "200: 10", "$0.0000014", "max_instances", "requests/s x"):
        assert word in result.stdout


@pytest.mark.parametrize("again", [None, "http://127.0.0.1:1"])
def test_load_sends_nothing_to_a_url_that_is_not_given_twice(service: Service, again: str | None) -> None:
    result = load(service.url, again=again)
    assert result.exit_code == 2
    assert f"--again {service.url}" in result.output.replace("\n", " ")
    assert service.requests == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_load_refuses_a_redirect_and_does_not_follow_it(service: Service, status: int) -> None:
    with serving(Service()) as elsewhere:
        service.status, service.headers = status, {"Location": elsewhere.url}
        result = load(service.url, f"--token={TOKEN}")
        assert result.exit_code == 2
        assert elsewhere.url in result.output.replace("\n", "")
        assert elsewhere.requests == []
    assert len(service.requests) == 1


def test_load_stops_if_the_service_needs_a_token_or_is_unreachable(service: Service) -> None:
    service.status = 403
    assert load(service.url).exit_code == 2
    assert len(service.requests) == 1
    service.status = 503
    assert load(service.url).exit_code == 4
    assert load("http://127.0.0.1:9").exit_code == 4


def test_load_counts_errors_by_status_and_reports_them_as_faults(service: Service) -> None:
    fail_after_the_first(service)
    result = load(service.url, "--clients=1", "--max-requests=5", "--json")
    assert result.exit_code == 1
    report = report_of(result)
    assert report["run"]["statuses"] == {"429": 5}
    assert report["faults"] == ["no request was answered with 200", "100.0% failed, expected at most 1.0%"]


def fail_after_the_first(service: Service) -> None:
    class Once(list[Any]):
        def append(self, request: Any) -> None:
            super().append(request)
            service.status = 200 if len(self) == 1 else 429

    service.requests = Once()


def test_load_refuses_an_endless_answer(service: Service) -> None:
    service.body = b"x" * (2 << 20)
    result = load(service.url)
    assert result.exit_code == 4
    assert "more than 1 MiB" in result.output


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host",
        "https://",
        "https://me:secret@host",
        "https://host/v1/classify",
        "https://host?record=true",
        "https://host#there",
        "http://host:99999",
        "http://169.254.169.254",
        "http://[fe80::1]",
    ],
)
def test_load_refuses_a_url_that_cannot_be_a_deployment(url: str) -> None:
    with pytest.raises(BadRequest):
        checked_target(url, url, None)


def test_load_sends_a_token_in_clear_only_to_this_machine() -> None:
    with pytest.raises(BadRequest, match="in clear"):
        checked_target("http://example.com", "http://example.com", TOKEN)
    assert checked_target("http://127.0.0.1:8080/", "http://127.0.0.1:8080", TOKEN).url == "http://127.0.0.1:8080"
    assert checked_target("https://example.com", "https://example.com/", TOKEN).is_secure


@pytest.mark.parametrize(
    ("host", "address", "without", "with_private"),
    [
        ("example.com", "34.1.2.3", False, False),
        ("example.com", "10.0.0.1", True, False),
        ("example.com", "127.0.0.1", True, True),
        ("example.com", "169.254.169.254", True, True),
        ("example.com", "fe80::1%eth0", True, True),
        ("localhost", "127.0.0.1", False, False),
        ("localhost", "34.1.2.3", True, True),
    ],
)
def test_load_refuses_a_host_with_a_surprising_address(
    host: str, address: str, without: bool, with_private: bool
) -> None:
    target = checked_target(f"https://{host}", f"https://{host}", None)
    assert is_surprising(target, address, allow_private=False) is without
    assert is_surprising(target, address, allow_private=True) is with_private


def test_load_sends_nothing_to_a_host_that_resolves_to_this_machine(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    port = service.url.rsplit(":", 1)[1]
    addresses = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", int(port)))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: addresses)
    result = load(f"http://images.example.com:{port}", "--private")
    assert result.exit_code == 2, result.output
    assert "leads to 127.0.0.1" in result.output
    assert service.requests == []


def test_load_reads_pictures_of_a_folder_within_limits(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="no files"):
        pictures_in(tmp_path)
    content = encoded(scene(320, 240), "PNG")
    (tmp_path / "a.png").write_bytes(content)
    (tmp_path / "b.txt").write_text("no picture")
    assert pictures_in(tmp_path) == [content, b"no picture"]
    width, height = 320, 240
    assert largest_of([content, b"no picture"]).decode_bytes == width * height * 8
    for number in range(MOST_PICTURES):
        (tmp_path / f"c{number}").touch()
    with pytest.raises(BadRequest, match="over a limit"):
        pictures_in(tmp_path)


def test_load_prints_its_results_on_ctrl_c(service: Service) -> None:
    command = [
        sys.executable,
        "-m",
        "shared.cli",
        "load",
        service.url,
        "--again",
        service.url,
        "--seconds=300",
        "--json",
    ]
    with subprocess.Popen(
        command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert service.enough.wait(60)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 1, errors
    report = json.loads(output)
    assert report["run"]["ending"] == "interrupted"
    assert report["run"]["statuses"]["200"] >= 10
    assert "it was interrupted" in report["faults"]


def test_load_finds_the_limit_of_a_deployment(cloud: Cloud) -> None:
    url = cloud.url("classify_request")
    options = ("--find-limit", "--rate=2", "--seconds=1", "--max-requests=6", "--max-p95-ms=60000", "--json")
    result = load(url, *options)
    report = report_of(result)
    assert report["steps"][0]["rate"] == 2
    assert report["steps"][0]["statuses"] == {"200": 2}
    assert sum(step["requests"] for step in report["steps"]) <= 6
    assert report["run"]["compute_ms"] > 0


def test_load_of_a_deployment_leaves_no_rows(cloud: Cloud) -> None:
    from shared.adapters.bigquery import BigQuery
    from shared.local.cloud import DATASET, PROJECT

    warehouse = BigQuery(PROJECT, DATASET, 20, endpoint=cloud.url("warehouse"))
    count = "SELECT COUNT(*) AS rows_ FROM latest_predictions"
    before = warehouse.query(count).rows
    result = load(cloud.url("classify_request"), "--clients=2", "--max-requests=8", "--max-p95-ms=60000", "--json")
    assert result.exit_code == 0, result.output
    assert report_of(result)["run"]["statuses"] == {"200": 8}
    assert warehouse.query(count).rows == before
