"""What the functions logged: one outcome a line, read from Cloud Logging or from the local cloud's log files.

A line has the fields that ``shared/logs.py`` writes. Other lines count only if they are errors, such as Cloud Run's own
line about an instance that ran out of memory.
"""

from __future__ import annotations

import heapq
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from shared.caller import CLOUD_TRACE, TRACEPARENT
from shared.errors import BadRequest

SERVICES = ("classify-request", "classify-upload")
JOBS = ("classify-backlog", "classify-backlog-shadow")
FUNCTIONS = (*SERVICES, *JOBS)

TRACE = "logging.googleapis.com/trace"
FULL_TRACE = re.compile(r"projects/[^/]+/traces/([0-9a-f]{32})")

SEVERITIES = ("DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY")
"""Least severe first: https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry#logseverity."""

WARNING, ERROR = SEVERITIES.index("WARNING"), SEVERITIES.index("ERROR")
REFUSED = "refused"
"""The outcome of a request that is answered with 4xx: a failure for its caller, and none of the function's."""

Line = tuple[str, Mapping[str, Any]]
"""The function that wrote a line, and the line's fields."""


@dataclass(frozen=True, slots=True)
class LoggedOutcome:
    """One outcome as a function logged it; None where the line has no such field."""

    at: datetime
    """Aware."""
    function: str
    outcome: str
    """The line's ``outcome``; ``error`` where an error has none."""
    severity: str
    message: str
    name: str | None
    """The object's name, or the name that an HTTPS caller gave the picture."""
    bucket: str | None
    label: str | None
    score: float | None
    reason: str | None
    total_ms: float | None
    prediction_id: str | None
    failure_id: str | None
    trace: str | None
    """The trace's id, 32 hex digits."""

    @property
    def is_failure(self) -> bool:
        """Whether a picture or a request was not classified, or a person should look."""
        return self.outcome == REFUSED or _rank(self.severity) >= WARNING

    def as_json(self) -> dict[str, Any]:
        """Return the fields for JSON, with the time in RFC 3339, UTC."""
        return asdict(self) | {"at": self.at.astimezone(UTC).isoformat()}


@dataclass(frozen=True, slots=True, kw_only=True)
class LogQuery:
    """Which outcomes are read."""

    since: datetime
    """Aware; lines from this time on."""
    functions: tuple[str, ...] = FUNCTIONS
    """Names of services and jobs."""
    only_failures: bool = False
    trace: str | None = None
    """The trace's id, 32 hex digits."""
    name: str | None = None
    """A part of the picture's name, in upper or lower case."""

    def matches(self, outcome: LoggedOutcome) -> bool:
        """Return whether an outcome is one of those."""
        return (
            outcome.at >= self.since
            and (outcome.is_failure or not self.only_failures)
            and self.trace in (None, outcome.trace)
            and (self.name is None or self.name.casefold() in f"{outcome.name} {outcome.message}".casefold())
        )

    def filter(self, project: str) -> str:
        """Return the query in Cloud Logging's language; each line must hold.

        https://cloud.google.com/logging/docs/view/logging-query-language
        """
        failures = f'(severity>=WARNING OR jsonPayload.outcome="{REFUSED}")'
        return "\n".join(
            (
                f'timestamp>="{self.since.astimezone(UTC).isoformat()}"',
                f"({' OR '.join(_resources(self.functions))})",
                # Cloud Run logs each request again, with its address and status and without its outcome.
                "(jsonPayload.outcome:* OR (severity>=ERROR AND NOT httpRequest.requestMethod:*))",
                *((failures,) if self.only_failures else ()),
                *((f'trace="projects/{project}/traces/{self.trace}"',) if self.trace else ()),
                *((_contains(self.name),) if self.name else ()),
            )
        )


def newest(lines: Iterable[Line], query: LogQuery, limit: int) -> list[LoggedOutcome]:
    """Return the newest outcomes of some lines, oldest first.

    Args:
        lines: in any order; only ``limit`` of them are kept in memory.
        query: which outcomes count.
        limit: how many are returned at most.
    """
    outcomes = (outcome_from(function, fields) for function, fields in lines)
    matching = (outcome for outcome in outcomes if outcome and query.matches(outcome))
    return heapq.nlargest(limit, matching, key=lambda outcome: outcome.at)[::-1]


def outcome_from(function: str, fields: Mapping[str, Any]) -> LoggedOutcome | None:
    """Return the outcome that a line contains, or None. Fields of another type than ours are None."""
    severity, outcome = _text(fields, "severity") or "DEFAULT", _text(fields, "outcome")
    try:
        at = datetime.fromisoformat(str(fields.get("time")))
    except ValueError:
        return None
    if at.tzinfo is None or not (outcome or _rank(severity) >= ERROR):
        return None
    times = fields.get("times")
    trace = FULL_TRACE.fullmatch(_text(fields, TRACE) or "")
    return LoggedOutcome(
        at=at,
        function=function,
        outcome=outcome or "error",
        severity=severity,
        message=_text(fields, "message") or "",
        name=_text(fields, "name") or _text(fields, "uri"),
        bucket=_text(fields, "bucket"),
        label=_text(fields, "label"),
        score=_number(fields, "score"),
        reason=_text(fields, "reason"),
        total_ms=_number(times, "total_ms") if isinstance(times, Mapping) else None,
        prediction_id=_text(fields, "prediction_id"),
        failure_id=_text(fields, "failure_id"),
        trace=trace[1] if trace else None,
    )


def trace_id_from(text: str) -> str:
    """Return a trace's id, 32 hex digits, from the id, Cloud Logging's name of the trace, or a header's value.

    Raises:
        BadRequest: it is none of these.
    """
    for pattern in (CLOUD_TRACE, TRACEPARENT, FULL_TRACE):
        if match := pattern.fullmatch(text.strip().lower() if pattern is not FULL_TRACE else text.strip()):
            return match[1]
    raise BadRequest(
        f"The trace is {text[:200]!r}, expected 32 hex digits, or the value of a header traceparent or "
        "X-Cloud-Trace-Context."
    )


def functions_of(part: str | None) -> tuple[str, ...]:
    """Return the services and jobs that a name means, such as ``classify_upload``; all of them for None.

    Raises:
        BadRequest: there is no such function.
    """
    if part is None:
        return FUNCTIONS
    function = part.replace("_", "-")
    if function not in FUNCTIONS:
        raise BadRequest(f"There is no function {part[:200]!r}, expected one of: {', '.join(FUNCTIONS)}.")
    return (function,)


def _resources(functions: Iterable[str]) -> Iterable[str]:
    for function in functions:
        if function in SERVICES:
            yield f'(resource.type="cloud_run_revision" AND resource.labels.service_name="{function}")'
        else:
            yield f'(resource.type="cloud_run_job" AND resource.labels.job_name="{function}")'


def _contains(name: str) -> str:
    """Return the condition that a line is about a picture; a postponed one is named in the message alone."""
    text = json.dumps(name, ensure_ascii=False)
    return f"(jsonPayload.name:{text} OR jsonPayload.message:{text})"


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else 0


def _text(fields: Mapping[str, Any], name: str) -> str | None:
    value = fields.get(name)
    return value if isinstance(value, str) and value else None


def _number(fields: Mapping[str, Any], name: str) -> float | None:
    value = fields.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
