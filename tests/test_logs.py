"""Logs: one line an outcome, in the structure that Cloud Logging reads, or readable on a terminal."""

from __future__ import annotations

import dataclasses
import io
import json
import logging
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from google.cloud.logging_v2.handlers import StructuredLogHandler

from shared.logs import configure, log, log_outcome
from shared.types import (
    Acknowledged,
    Call,
    ImageFacts,
    ObjectRef,
    Outcome,
    Prediction,
    Source,
    Times,
)
from tests.pipeline.outcomes import CALL, FAILURE, IMAGE, PREDICTION, REF, ROSE, TRACE

HOSTILE = "a\nb\r\x1b[31m\x00\u2028\u202e\x85\tü.jpg"
"""An object's name may hold line breaks, terminal codes, and marks that turn text around."""


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    handlers, level, propagate = log.handlers[:], log.level, log.propagate
    yield
    log.handlers[:], log.level, log.propagate = handlers, level, propagate


def lines_of(outcome: Outcome, format: str = "json") -> list[str]:
    stream = io.StringIO()
    configure(format, stream)
    log_outcome(outcome)
    return stream.getvalue().split("\n")[:-1]


def fields_of(outcome: Outcome) -> dict[str, Any]:
    [line] = lines_of(outcome)
    fields: dict[str, Any] = json.loads(line)
    return fields


def named(name: str) -> Prediction:
    return dataclasses.replace(PREDICTION, image=dataclasses.replace(IMAGE, name=name))


def test_log_of_a_prediction_is_one_line() -> None:
    fields = fields_of(PREDICTION)
    assert datetime.fromisoformat(fields.pop("time")).tzinfo is not None
    assert fields == {
        "severity": "INFO",
        "message": "rose 0.91: gs://my-uploads/garden/rose ü.jpg",
        "outcome": "predicted",
        "prediction_id": "p" * 64,
        "label": "rose",
        "score": 0.9124,
        "needs_review": False,
        "model": "flowers_v1",
        "source": "event",
        "event_id": "8897446546443",
        "logging.googleapis.com/trace": TRACE,
        "bucket": "my-uploads",
        "name": "garden/rose ü.jpg",
        "generation": "1763712000123456",
        "times": {"read_ms": 1.3, "total_ms": 10.0},
    }


def test_log_of_a_failure_is_one_warning_with_the_file() -> None:
    fields = fields_of(FAILURE)
    assert (fields["severity"], fields["outcome"], fields["reason"]) == ("WARNING", "rejected", "not_an_image")
    assert fields["message"] == "not_an_image: gs://my-uploads/garden/rose ü.jpg: It is a list."
    assert fields["quarantine_uri"] == "gs://my-quarantine/u"
    assert fields["failure_id"] == "u" * 64


@pytest.mark.parametrize("why", ["already_done", "superseded", "not_our_bucket", "too_old"])
def test_log_of_an_acknowledged_upload_is_one_line(why: str) -> None:
    fields = fields_of(Acknowledged(REF, why))
    assert (fields["outcome"], fields["uri"], fields["generation"]) == (why, REF.uri, str(REF.generation))


def test_log_of_a_prediction_names_a_needed_review() -> None:
    unsure = dataclasses.replace(PREDICTION, classification=dataclasses.replace(ROSE, needs_review=True))
    assert "needs review" in fields_of(unsure)["message"]


@pytest.mark.parametrize("severity", [logging.INFO, logging.WARNING, logging.ERROR])
def test_log_fields_are_those_of_googles_handler(severity: int) -> None:
    record = log.makeRecord(log.name, severity, __file__, 1, "rose: %s", (HOSTILE,), None, extra={"trace": TRACE})
    reference = StructuredLogHandler(project_id="my-project")
    assert reference.filter(record)
    theirs = json.loads(reference.format(record))
    stream = io.StringIO()
    configure("json", stream)
    log.log(severity, "rose: %s", HOSTILE, extra={"fields": {"logging.googleapis.com/trace": TRACE}})
    ours = json.loads(stream.getvalue())
    compared = ("severity", "message", "logging.googleapis.com/trace")
    assert {name: ours[name] for name in compared} == {name: theirs[name] for name in compared}


@pytest.mark.parametrize("format", ["json", "text"])
def test_log_of_a_name_with_line_breaks_is_one_line(format: str) -> None:
    outcomes = (named(HOSTILE), Acknowledged(ObjectRef("b", HOSTILE, 1), "too_old"))
    for outcome in outcomes:
        [line] = lines_of(outcome, format)
        assert len(line.splitlines()) == 1


def test_log_text_escapes_control_characters() -> None:
    [line] = lines_of(named(HOSTILE), "text")
    assert "\x1b" not in line
    assert "\x00" not in line
    assert "\u202e" not in line
    assert r"a\nb\r\x1b[31m\x00\u2028\u202e\x85\tü.jpg" in line


def test_log_json_keeps_a_hostile_name() -> None:
    assert fields_of(named(HOSTILE))["name"] == HOSTILE


def test_log_json_has_no_null() -> None:
    bare = dataclasses.replace(
        PREDICTION,
        image=ImageFacts(5, None),
        call=Call(Source.REQUEST, CALL.received_at),
    )
    fields = fields_of(bare)
    assert None not in fields.values()
    assert "event_id" not in fields
    assert "logging.googleapis.com/trace" not in fields
    assert fields["message"].endswith(": request")


def test_log_json_has_the_traceback_in_the_same_line() -> None:
    stream = io.StringIO()
    configure("json", stream)
    log.error("unexpected error", exc_info=ValueError("line one\nline two"))
    [line] = stream.getvalue().splitlines()
    fields = json.loads(line)
    assert (fields["severity"], fields["message"]) == ("ERROR", "unexpected error")
    assert fields["stack_trace"] == "ValueError: line one\nline two\n"


def test_log_text_indents_the_lines_of_a_traceback() -> None:
    """An error's text may hold what somebody uploaded: neither colours nor a line of his own reach the terminal."""
    forged = "12:00:00   daisy 0.99: gs://forged"
    stream = io.StringIO()
    configure("text", stream)
    log.error("broken", exc_info=ValueError(f"\x1b[31mred\r\n{forged}\u2028{forged}"))
    lines = stream.getvalue().removesuffix("\n").split("\n")
    assert [line for line in lines if not line.startswith("    ")] == [lines[0]]
    assert all(line.isprintable() for line in lines)
    assert r"\x1b[31mred\r" in "\n".join(lines)


def test_log_text_marks_warnings_and_errors() -> None:
    [good], [bad] = lines_of(PREDICTION, "text"), lines_of(FAILURE, "text")
    assert good[8:].startswith("   rose 0.91: gs://my-uploads/garden/rose")
    assert good[2] == good[5] == ":"
    assert " ! not_an_image: " in bad


def test_log_format_auto_is_text_on_a_terminal_and_json_elsewhere() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream, is_json in ((Terminal(), False), (io.StringIO(), True)):
        configure("auto", stream)
        log_outcome(PREDICTION)
        assert stream.getvalue().startswith("{") is is_json


def test_log_configured_twice_writes_once() -> None:
    stream = io.StringIO()
    configure("json", stream)
    configure("json", stream)
    log_outcome(PREDICTION)
    assert stream.getvalue().count("\n") == 1


def test_log_goes_to_the_current_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json")
    log_outcome(PREDICTION)
    captured = capsys.readouterr()
    assert json.loads(captured.out)["outcome"] == "predicted"
    assert captured.err == ""


def test_log_has_the_times_of_steps_that_ran_only() -> None:
    times = Times(read_ms=0.0, decode_ms=0.04, total_ms=0.06)
    assert fields_of(dataclasses.replace(PREDICTION, times=times))["times"] == {
        "read_ms": 0.0,
        "decode_ms": 0.0,
        "total_ms": 0.1,
    }
