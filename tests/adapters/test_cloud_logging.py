"""Cloud Logging's reader, against a test server; every exchange is compared with Google's discovery document."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.api_core import exceptions as api
from google.auth.exceptions import DefaultCredentialsError, RefreshError

from shared.adapters.cloud_logging import CloudLogging, LogsUnavailable, translate_errors
from shared.adapters.google_rest import NotSignedIn
from shared.errors import BadRequest, BucketlensError
from shared.operations.logged_outcomes import LogQuery, newest
from tests.adapters.client_errors import instance_of, raised_by_clients
from tests.emulators.contract.discovery import discovery_of
from tests.emulators.contract.recording_server import recording_server
from tests.emulators.contract.wire import Exchange

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
PAGE = 3
QUERY = LogQuery(since=NOW - timedelta(hours=1))


class FakeLogging:
    """``entries.list`` over a few entries, in pages of three; filters are kept and not evaluated."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.entries: list[dict[str, Any]] = []
        """Newest first."""
        self.statuses: list[int] = []
        """The statuses of the next answers; 200 where there is none."""
        self.empty_pages = 0
        """How many pages without entries come first, as where a search takes long."""

    def answer(self, method: str, target: str, body: bytes) -> tuple[int, dict[str, Any]]:
        assert (method, target.partition("?")[0]) == ("POST", "/v2/entries:list")
        if self.statuses and (status := self.statuses.pop(0)) != 200:
            message = "Permission 'logging.logEntries.list' denied on resource."
            return status, {"error": {"code": status, "message": message, "status": "X"}}
        if self.empty_pages:
            self.empty_pages -= 1
            return 200, {"nextPageToken": "0"}
        request = json.loads(body)
        start = int(request.get("pageToken", 0))
        end = start + min(PAGE, request["pageSize"])
        more = {"nextPageToken": str(end)} if end < len(self.entries) else {}
        return 200, {"entries": self.entries[start:end], **more}

    @property
    def requests(self) -> list[dict[str, Any]]:
        return [json.loads(exchange.body) for exchange in self.exchanges]


@pytest.fixture
def server() -> Iterator[FakeLogging]:
    """Yield Cloud Logging; at the end every exchange must be as documented."""
    server = FakeLogging()
    yield server
    logging = discovery_of("logging", "v2")
    assert server.exchanges
    assert [fault for exchange in server.exchanges for fault in logging.judge(exchange).faults] == []


@pytest.fixture
def reader(server: FakeLogging) -> Iterator[CloudLogging]:
    with recording_server(server.answer, server.exchanges.append) as url:
        yield CloudLogging("my-project", endpoint=url)


def entry(number: int, **fields: Any) -> dict[str, Any]:
    """Return an entry of a prediction, the older the higher its number."""
    return {
        "logName": "projects/my-project/logs/run.googleapis.com%2Fstdout",
        "insertId": str(number),
        "resource": {"type": "cloud_run_revision", "labels": {"service_name": "classify-upload"}},
        "timestamp": (NOW - timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%S.123456789Z"),
        "severity": "INFO",
        "trace": f"projects/my-project/traces/{'a' * 32}",
        "jsonPayload": {
            "message": f"rose 0.91: gs://b/{number}.jpg",
            "outcome": "predicted",
            "name": f"{number}.jpg",
            "label": "rose",
            "score": 0.91,
            "prediction_id": f"{number:064}",
            "times": {"total_ms": 10.5},
        },
        **fields,
    }


def test_logging_reads_page_by_page_and_links_each_line_to_its_row(server: FakeLogging, reader: CloudLogging) -> None:
    server.entries = [entry(number) for number in range(7)]
    outcomes = newest(reader.lines(QUERY.filter("my-project"), 50), QUERY, 50)
    assert [outcome.prediction_id for outcome in outcomes] == [f"{number:064}" for number in range(6, -1, -1)]
    first = outcomes[-1]
    assert (first.function, first.trace, first.total_ms, first.label) == ("classify-upload", "a" * 32, 10.5, "rose")
    assert first.at == NOW.replace(microsecond=123456)
    assert [request.get("pageToken") for request in server.requests] == [None, "3", "6"]


def test_logging_asks_for_the_newest_of_the_project_by_the_filter(server: FakeLogging, reader: CloudLogging) -> None:
    list(reader.lines(QUERY.filter("my-project"), 5000))
    [request] = server.requests
    assert request["resourceNames"] == ["projects/my-project"]
    assert request["filter"] == QUERY.filter("my-project")
    assert (request["orderBy"], request["pageSize"]) == ("timestamp desc", 1000)


def test_logging_stops_at_the_limit(server: FakeLogging, reader: CloudLogging) -> None:
    server.entries = [entry(number) for number in range(100)]
    assert len(list(reader.lines("f", 4))) == 4
    assert len(server.requests) == 2


def test_logging_continues_after_a_page_without_entries(server: FakeLogging, reader: CloudLogging) -> None:
    server.entries, server.empty_pages = [entry(0)], 2
    assert len(list(reader.lines("f", 50))) == 1


def test_logging_finds_nothing(server: FakeLogging, reader: CloudLogging) -> None:
    assert newest(reader.lines("f", 50), QUERY, 50) == []
    assert len(server.requests) == 1


def test_logging_reads_lines_of_jobs_and_of_cloud_run_itself(server: FakeLogging, reader: CloudLogging) -> None:
    job = {"type": "cloud_run_job", "labels": {"job_name": "classify-backlog"}}
    text = {name: value for name, value in entry(1, resource=job, severity="ERROR").items() if name != "jsonPayload"}
    server.entries = [{**text, "textPayload": "Memory limit of 512 MiB exceeded"}]
    [outcome] = newest(reader.lines("f", 50), QUERY, 50)
    assert (outcome.function, outcome.outcome) == ("classify-backlog", "error")
    assert outcome.message == "Memory limit of 512 MiB exceeded"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_logging_repeats_a_request_that_failed_for_a_while(
    server: FakeLogging, reader: CloudLogging, status: int
) -> None:
    server.entries, server.statuses = [entry(0)], [status, 200]
    assert len(list(reader.lines("f", 50))) == 1


def test_logging_that_stays_away_is_unavailable(server: FakeLogging, reader: CloudLogging) -> None:
    server.statuses = [503] * 50
    with pytest.raises(LogsUnavailable, match="Cloud Logging did not answer"):
        list(reader.lines("f", 50))


@pytest.mark.parametrize("status", [403, 404])
def test_logging_without_rights_names_the_missing_role(server: FakeLogging, reader: CloudLogging, status: int) -> None:
    server.statuses = [status]
    with pytest.raises(BadRequest, match=r"logs of my-project cannot be read: .* needs roles/logging.viewer"):
        list(reader.lines("f", 50))


def test_logging_refuses_an_invalid_filter_with_its_message(server: FakeLogging, reader: CloudLogging) -> None:
    server.statuses = [400]
    with pytest.raises(BadRequest, match="Cloud Logging refused the query: 400 Permission"):
        list(reader.lines("(", 50))


OF_ITS_CLIENT = [kind for kind in raised_by_clients() if not kind.__module__.startswith("google.cloud.storage")]


@pytest.mark.parametrize("kind", OF_ITS_CLIENT, ids=lambda kind: f"{kind.__module__}.{kind.__qualname__}")
def test_logging_translates_every_error_of_its_client(kind: type[BaseException]) -> None:
    with pytest.raises(BucketlensError), translate_errors("p"):
        raise instance_of(kind)


@pytest.mark.parametrize("kind", [DefaultCredentialsError, RefreshError])
def test_logging_without_credentials_names_the_command_that_creates_them(kind: type[BaseException]) -> None:
    with pytest.raises(NotSignedIn, match="gcloud auth application-default login"), translate_errors("p"):
        raise kind("no")


def test_logging_error_has_no_address() -> None:
    error = api.ServiceUnavailable("POST https://logging.googleapis.com/v2/entries:list?prettyPrint=false: later")
    with pytest.raises(LogsUnavailable) as unavailable, translate_errors("p"):
        raise error
    assert "https://" not in str(unavailable.value)
