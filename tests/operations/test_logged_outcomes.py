"""Outcomes are read from the lines that the functions log, and from no other lines but errors."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.errors import BadRequest
from shared.logs import configure, log, log_outcome
from shared.operations.logged_outcomes import (
    FUNCTIONS,
    LogQuery,
    functions_of,
    newest,
    outcome_from,
    trace_id_from,
)
from shared.types import Acknowledged, Outcome
from tests.pipeline.outcomes import FAILURE, PREDICTION, REF

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
ID = "a" * 32
SOME: dict[str, Any] = {"severity": "INFO", "message": "m", "time": NOW.isoformat(), "outcome": "predicted"}


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    handlers, level, propagate = log.handlers[:], log.level, log.propagate
    yield
    log.handlers[:], log.level, log.propagate = handlers, level, propagate


def logged(outcome: Outcome) -> dict[str, Any]:
    """Return the fields of an outcome's line."""
    stream = io.StringIO()
    configure("json", stream)
    log_outcome(outcome)
    fields: dict[str, Any] = json.loads(stream.getvalue())
    return fields


def test_outcome_of_a_prediction_is_linked_to_its_row() -> None:
    outcome = outcome_from("classify-upload", logged(PREDICTION))
    assert outcome is not None
    assert (outcome.outcome, outcome.name, outcome.label, outcome.score) == (
        "predicted",
        "garden/rose ü.jpg",
        "rose",
        0.9124,
    )
    assert (outcome.prediction_id, outcome.failure_id, outcome.total_ms) == ("p" * 64, None, 10.0)
    assert (outcome.trace, outcome.function, outcome.is_failure) == (ID, "classify-upload", False)


def test_outcome_of_a_failure_is_linked_to_its_row() -> None:
    outcome = outcome_from("classify-upload", logged(FAILURE))
    assert outcome is not None
    assert (outcome.outcome, outcome.reason, outcome.failure_id) == ("rejected", "not_an_image", "u" * 64)
    assert outcome.is_failure


def test_outcome_that_is_left_to_the_sweep_is_a_failure_and_another_acknowledged_one_is_not() -> None:
    outcomes = [outcome_from("f", logged(Acknowledged(REF, reason))) for reason in ("too_old", "already_done")]
    assert [outcome.is_failure for outcome in outcomes if outcome] == [True, False]
    assert {outcome.name for outcome in outcomes if outcome} == {REF.uri}


def test_refused_request_is_a_failure_though_its_line_is_information() -> None:
    outcome = outcome_from("f", {**SOME, "outcome": "refused", "reason": "not_an_image"})
    assert outcome is not None
    assert outcome.is_failure


def test_error_without_an_outcome_counts_and_other_lines_do_not() -> None:
    fields = {name: value for name, value in SOME.items() if name != "outcome"}
    assert outcome_from("f", fields) is None
    crash = outcome_from("f", {**fields, "severity": "ERROR", "message": "Memory limit of 512 MiB exceeded"})
    assert crash is not None
    assert (crash.outcome, crash.message, crash.is_failure) == ("error", "Memory limit of 512 MiB exceeded", True)


@pytest.mark.parametrize(
    "change",
    [
        {"time": None},
        {"time": 5},
        {"time": "2026-12-01T12:00:00"},
        {"time": "yesterday"},
        {"outcome": ["predicted"]},
    ],
)
def test_line_with_another_time_or_outcome_is_no_outcome(change: dict[str, Any]) -> None:
    assert outcome_from("f", {**SOME, **change}) is None


def test_fields_of_other_types_are_left_out() -> None:
    strange = {"label": 1, "score": "0.9", "name": None, "times": [1], "prediction_id": {}, "severity": 3}
    outcome = outcome_from("f", {**SOME, **strange})
    assert outcome is not None
    assert (outcome.label, outcome.score, outcome.name, outcome.total_ms) == (None, None, None, None)
    assert (outcome.prediction_id, outcome.severity) == (None, "DEFAULT")


def test_newest_outcomes_are_returned_oldest_first() -> None:
    lines = [("f", {**SOME, "time": (NOW + timedelta(seconds=second)).isoformat()}) for second in (3, 1, 4, 2)]
    outcomes = newest(lines, LogQuery(since=NOW + timedelta(seconds=2)), 2)
    assert [(outcome.at - NOW).seconds for outcome in outcomes] == [3, 4]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["Rose.jpg", "tulip.jpg"]),
        ({"only_failures": True}, ["tulip.jpg"]),
        ({"name": "ROSE"}, ["Rose.jpg"]),
        ({"name": "b/tulip"}, ["tulip.jpg"]),
        ({"trace": ID}, ["tulip.jpg"]),
        ({"since": NOW + timedelta(seconds=1)}, []),
    ],
)
def test_query_chooses_outcomes(options: dict[str, Any], expected: list[str]) -> None:
    trace = f"projects/p/traces/{ID}"
    failed = {
        "severity": "WARNING",
        "outcome": "rejected",
        "message": "gs://b/tulip.jpg",
        "logging.googleapis.com/trace": trace,
    }
    lines = [("f", {**SOME, "name": "Rose.jpg"}), ("f", {**SOME, "name": "tulip.jpg", **failed})]
    query = LogQuery(**{"since": NOW, **options})
    assert sorted(str(outcome.name) for outcome in newest(lines, query, 9)) == expected


def test_filter_quotes_a_name_so_that_it_stays_one_condition() -> None:
    query = LogQuery(since=NOW, functions=("classify-upload",), name='a" OR severity>=DEFAULT OR "\n', trace=ID)
    first, function, outcome, trace, name = query.filter("my-project").split("\n")
    assert first == 'timestamp>="2026-12-01T12:00:00+00:00"'
    assert function == '((resource.type="cloud_run_revision" AND resource.labels.service_name="classify-upload"))'
    assert outcome.startswith("(jsonPayload.outcome:* OR ")
    assert trace == f'trace="projects/my-project/traces/{ID}"'
    text = r'"a\" OR severity>=DEFAULT OR \"\n"'
    assert name == f"(jsonPayload.name:{text} OR jsonPayload.message:{text})"


def test_filter_of_failures_has_refused_requests_and_all_functions() -> None:
    text = LogQuery(since=NOW, only_failures=True).filter("p")
    assert '(severity>=WARNING OR jsonPayload.outcome="refused")' in text.split("\n")
    assert all(f'"{function}"' in text for function in FUNCTIONS)
    assert text.count("cloud_run_job") == text.count("cloud_run_revision") == 2


@pytest.mark.parametrize(
    "text",
    [
        ID,
        ID.upper(),
        f" {ID} ",
        f"{ID}/123;o=1",
        f"{ID}/0",
        f"00-{ID}-{'b' * 16}-01",
        f"projects/my-Project/traces/{ID}",
    ],
)
def test_trace_is_read_from_an_id_or_a_header(text: str) -> None:
    assert trace_id_from(text) == ID


@pytest.mark.parametrize("text", ["", "a" * 31, "g" * 32, f"00-{ID}", f"traces/{ID}", f"{ID}\n{ID}", "x" * 10_000])
def test_trace_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="expected 32 hex digits") as refused:
        trace_id_from(text)
    assert len(str(refused.value)) < 400


def test_functions_are_found_by_the_name_of_their_folder_or_service() -> None:
    assert functions_of("classify_upload") == functions_of("classify-upload") == ("classify-upload",)
    assert functions_of(None) == FUNCTIONS
    with pytest.raises(BadRequest, match="There is no function 'relay', expected one of: classify-request"):
        functions_of("relay")
