"""Errors of the BigQuery emulator, with the reasons, sentences and JSON that Google's clients understand."""

from __future__ import annotations

import re
from typing import Any

import duckdb

from shared.emulators.errors import EmulatorError

# reason → HTTP status and google.rpc code, as BigQuery pairs them: https://cloud.google.com/bigquery/docs/error-messages
_STATUS = {
    "invalid": (400, "INVALID_ARGUMENT"),
    "invalidQuery": (400, "INVALID_ARGUMENT"),
    "stopped": (400, "INVALID_ARGUMENT"),
    "resourcesExceeded": (400, "INVALID_ARGUMENT"),
    "resourceInUse": (400, "FAILED_PRECONDITION"),
    "accessDenied": (403, "PERMISSION_DENIED"),
    "notFound": (404, "NOT_FOUND"),
    "duplicate": (409, "ALREADY_EXISTS"),
    "conditionNotMet": (412, "FAILED_PRECONDITION"),
    "requestTooLarge": (413, "INVALID_ARGUMENT"),
    "notImplemented": (501, "UNIMPLEMENTED"),
    "backendError": (503, "UNAVAILABLE"),
}


class ApiError(EmulatorError):
    """An error answer to a request, with a sentence for the caller."""

    def __init__(self, reason: str, message: str, location: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.location = location

    @property
    def http_status(self) -> int:
        """The HTTP status that belongs to the reason."""
        return _STATUS[self.reason][0]

    @property
    def proto(self) -> dict[str, str]:
        """The ErrorProto of jobs and rows: ``{"reason", "location", "message"}``."""
        return {"reason": self.reason, "location": self.location, "message": self.message}

    @property
    def document(self) -> dict[str, Any]:
        """The body of an error answer."""
        status, code = _STATUS[self.reason]
        detail = {"message": self.message, "domain": "global", "reason": self.reason, "location": self.location}
        return {"error": {"code": status, "message": self.message, "errors": [detail], "status": code}}


def not_found(kind: str, name: str) -> ApiError:
    """Return the error for a missing dataset, table or job; ``name`` is ``project:dataset.table``."""
    where = " was not found in location US" if kind in ("Table", "Dataset") else ""
    return ApiError("notFound", f"Not found: {kind} {name}{where}")


def from_duckdb(error: duckdb.Error) -> ApiError:
    """Translate an error of DuckDB to BigQuery's reason and sentence."""
    message = str(error)
    if isinstance(error, duckdb.InterruptException):
        return ApiError("stopped", "Job execution was cancelled: User requested cancellation")
    if isinstance(error, duckdb.OutOfMemoryException):
        return ApiError("resourcesExceeded", "Resources exceeded during query execution: out of memory")
    if isinstance(error, duckdb.FatalException):
        return ApiError("backendError", "The warehouse's file can no longer be written; see its log")
    for pattern, sentence in _SENTENCES:
        if match := pattern.search(message):
            return ApiError("invalidQuery", match.expand(sentence), "query")
    # The text after a blank line points into the DuckDB statement, which the caller has never seen.
    first = " ".join(re.sub(r"^[\w ]+ Error: ", "", message.split("\n\n")[0]).split())
    for duckdb_type, bigquery_type in _TYPES:
        first = re.sub(rf"\b{duckdb_type}\b", bigquery_type, first)
    return ApiError("invalidQuery", f"The local warehouse cannot run this statement: {first}", "query")


_TYPES = (
    ("TIMESTAMP WITH TIME ZONE", "TIMESTAMP"),
    ("BIGINT|INTEGER_LITERAL|INTEGER|HUGEINT", "INT64"),
    ("VARCHAR|STRING_LITERAL", "STRING"),
    ("DOUBLE", "FLOAT64"),
    ("BOOLEAN", "BOOL"),
    ("BLOB", "BYTES"),
)
"""Type names: DuckDB's as a pattern, and BigQuery's."""


_SENTENCES = [
    (re.compile(pattern), sentence)
    for pattern, sentence in (
        # a macro reports an error by a cast that fails
        (r"Could not convert string '((?:division by zero|Array index|Bad int64 value).*)' to \w+", r"\1"),
        (
            r'Referenced column "(_PARTITION(?:TIME|DATE)|_TABLE_SUFFIX|_FILE_NAME|_CHANGE_\w+)"',
            r"The pseudo-column \1 is not supported by the local warehouse",
        ),
        (
            r"(PARTITION BY|ORDER BY) window expressions cannot be volatile",
            r"\1 of a window cannot contain a function with a new value at each call, such as RAND()",
        ),
        (
            r"(?i)(?:Scalar|Aggregate|Table|Macro) Function with name (\w+) does not exist",
            r"\1 is a function of BigQuery that the local warehouse does not have",
        ),
        (r'Could not parse string "([^"]*)" according to format specifier', r'Failed to parse input string "\1"'),
        (r"(?:Cannot deduce template type|Cannot create a list of types)", "Array elements have no common supertype"),
        (r"More than one row returned by a subquery", "Scalar subquery produced more than one element"),
        (r"Subquery returns \d+ columns - expected 1", "Scalar subquery cannot have more than one column"),
        (
            r"Set operations can only apply to expressions with the same number of result columns",
            "Queries of a set operation have different numbers of columns",
        ),
        (r"(WHERE|GROUP BY|HAVING) clause cannot contain aggregates", r"Aggregate function not allowed in \1"),
        (r"aggregate function calls cannot be nested", "Aggregations of aggregations are not allowed"),
        (r"(WHERE|GROUP BY|HAVING) clause cannot contain window functions", r"Analytic function not allowed in \1"),
        (r'Referenced column "([^"]+)" (?:was )?not found', r"Unrecognized name: \1"),
        (r'Referenced table "([^"]+)" not found', r"Unrecognized name: \1"),
        (r'column "([^"]+)" must appear in the GROUP BY clause', r"Column \1 is neither grouped nor aggregated"),
        (r'Ambiguous reference to column name "([^"]+)"', r"Column name \1 is ambiguous"),
        (r"NOT NULL constraint failed: \w+\.(\S+)", r"Required field \1 cannot be null"),
        (r"Could not convert string '([^']*)' to INT\d+", r"Bad int64 value: \1"),
        (r"Could not convert string '([^']*)' to DOUBLE", r"Bad double value: \1"),
        (r"Could not convert string '([^']*)' to BOOL", r"Bad bool value: \1"),
        (r'(?:date|timestamp) field value out of range: "([^"]*)"', r"Invalid date or timestamp: '\1'"),
        (r'invalid (?:date|timestamp) field format: "([^"]*)"', r"Invalid date or timestamp: '\1'"),
        (r"Overflow in (\w+) of INT\d+ \((.*)\)!", r"int64 overflow in \1: \2"),
        (r"No function matches the given name and argument types '([^']+)'", r"No matching signature for \1"),
        (
            r'Table "([^"]+)" does not have a column (?:named|with name) "([^"]+)"',
            r"Column \2 is not present in table \1",
        ),
    )
]
