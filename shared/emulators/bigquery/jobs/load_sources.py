"""Files of a load job: newline-delimited JSON and CSV, taken apart into rows."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shared.emulators.bigquery.errors import Refusal
from shared.emulators.bigquery.jobs.autodetect import field_name, type_of_text
from shared.emulators.bigquery.schema_fields import Field

_NOT_HERE = "is not supported by the local warehouse, which loads NEWLINE_DELIMITED_JSON and CSV"


class BadRow:
    """A row that cannot be taken apart; it stands where the row would have been."""

    def __init__(self, message: str) -> None:
        self.message = message


GZIP = b"\x1f\x8b"


def read_rows(
    content: bytes, configuration: Mapping[str, Any], fields: Sequence[Field] | None
) -> list[dict[str, Any] | BadRow]:
    """Return the rows of a file.

    Args:
        content: the file.
        configuration: ``configuration.load`` of the job.
        fields: the columns, in whose order a CSV file's are; None where they are to be detected.

    Raises:
        Refusal: invalid, for a format or an encoding that is not supported.
    """
    source = configuration.get("sourceFormat") or "CSV"
    if source not in ("NEWLINE_DELIMITED_JSON", "CSV"):
        raise Refusal("invalid", f"{source} {_NOT_HERE}")
    if (configuration.get("encoding") or "UTF-8") != "UTF-8":
        raise Refusal("invalid", f"The encoding {configuration['encoding']} is not supported by the local warehouse")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if content.startswith(GZIP):
            fault = "Files compressed with gzip cannot be loaded into the local warehouse: unpack it first"
            raise Refusal("notImplemented", fault) from error
        raise Refusal("invalid", f"Error while reading data: the file is not UTF-8 ({error})") from error
    rows = _json_rows(text) if source == "NEWLINE_DELIMITED_JSON" else _csv_rows(text, configuration, fields)
    return list(rows)


def _json_rows(text: str) -> Iterator[dict[str, Any] | BadRow]:
    for line in text.split("\n"):
        if not line.strip():
            continue
        try:
            row = json.loads(line, parse_constant=_refuse_constant)
        except ValueError as error:
            yield BadRow(f"Error while reading data, error message: Failed to parse JSON: {error}")
            continue
        yield (
            row
            if isinstance(row, dict)
            else BadRow("Error while reading data, error message: Start of object expected")
        )


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _csv_rows(
    text: str, configuration: Mapping[str, Any], fields: Sequence[Field] | None
) -> Iterator[dict[str, Any] | BadRow]:
    lines = _csv_lines(text, configuration)
    skip = int(configuration.get("skipLeadingRows") or 0)
    if fields is None:
        names, lines = _header(lines, skip)
    else:
        names, lines = [one.name for one in fields], lines[skip:]
    marker = configuration.get("nullMarker") or ""
    texts = {one.name for one in fields or () if one.type == "STRING"} if "nullMarker" in configuration else set()
    for line in lines:
        if len(line) > len(names) and not configuration.get("ignoreUnknownValues"):
            yield BadRow(f"Error while reading data, error message: Too many values in row. Found {len(line)}")
        elif len(line) < len(names) and not configuration.get("allowJaggedRows"):
            yield BadRow(f"Error while reading data, error message: Too few values in row. Found {len(line)}")
        else:
            # An empty value is an empty string where something else marks null, and null everywhere else.
            yield {
                name: None if value == marker or (value == "" and name not in texts) else value
                for name, value in zip(names, line, strict=False)
            }


def _csv_lines(text: str, configuration: Mapping[str, Any]) -> list[list[str]]:
    delimiter = {"tab": "\t", "\\t": "\t"}.get(str(configuration.get("fieldDelimiter") or ","))
    quote = configuration.get("quote", '"')
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter or str(configuration.get("fieldDelimiter") or ","),
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        strict=True,
    )
    try:
        return [line for line in reader if line]
    except (csv.Error, TypeError) as error:
        raise Refusal("invalid", f"Error while reading data, error message: CSV: {error}") from error


def _header(lines: list[list[str]], skip: int) -> tuple[list[str], list[list[str]]]:
    """Return names and data of a CSV file whose schema is unknown.

    The last skipped row names the columns; where none is skipped, the first row does if it is text above other types.
    """
    if not lines:
        return [], []
    head, rest = lines[max(skip - 1, 0)], lines[max(skip, 1) :]
    is_header = skip > 0 or (
        all(type_of_text(value) == "STRING" for value in head)
        and any(type_of_text(value) != "STRING" for line in rest for value in line if value)
    )
    if not is_header:
        return [f"string_field_{position}" for position in range(len(head))], lines
    return [field_name(value, position) for position, value in enumerate(head)], rest
