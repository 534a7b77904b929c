"""Results to take home: the rows of the view ``results`` as a CSV file, or the pictures in a folder for each label."""

from __future__ import annotations

import csv
import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any, TextIO

from shared.errors import AlreadyDone
from shared.parsing.gs_uri import parse_gs_uri
from shared.ports import ObjectStore, Warehouse

COLUMNS = (
    *("name", "final_label", "label", "score", "needs_review", "labelled_by", "labelled_at"),
    *("uploaded_at", "model_name", "model_version", "prediction_id", "archive_uri"),
)
"""Of the view ``results``, in the order in which a person reads them."""

FORMULA = re.compile(r"[=+\-@\t\r]")
"""First characters by which a spreadsheet takes a text for a formula (OWASP, CSV Injection)."""

MAX_NAME_BYTES = 200
"""Of a file: file systems allow 255, of which a digest and an ending need some."""


class Saved(StrEnum):
    """What became of a picture that was to be saved."""

    WRITTEN = "written"
    EXISTING = "there"
    """The folder had it already, byte for byte."""
    MISSING = "missing"
    """The archive does not hold it any more."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which results are meant."""

    model: str | None = None
    """A model's name; None for every model."""
    only_labelled: bool = False
    """Whether only pictures count that a person has labelled."""


def results(warehouse: Warehouse, selection: Selection) -> list[dict[str, Any]]:
    """Return a row for each picture, by name; its keys are ``COLUMNS`` and ``sha256``.

    Raises:
        WarehouseUnavailable: no answer within the deadline.
    """
    conditions = ["labelled_at IS NOT NULL"] * selection.only_labelled
    parameters = {}
    if selection.model:
        conditions.append("model_name IN UNNEST(@models)")
        parameters["models"] = [selection.model]
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    sql = f"SELECT {', '.join(COLUMNS)}, sha256 FROM results{where} ORDER BY name, uploaded_at"  # noqa: S608  # our own
    return warehouse.query(sql, **parameters).rows


def write_csv(rows: Iterable[dict[str, Any]], file: TextIO, columns: Sequence[str] = COLUMNS) -> None:
    """Write rows as CSV (RFC 4180, comma, one heading), each as it comes.

    A text that a spreadsheet would take for a formula gets an apostrophe before it: names are chosen by uploaders.
    """
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row[column]) for column in columns] for row in rows)


def save_pictures(
    rows: Iterable[dict[str, Any]], archive: ObjectStore, folder: Path, max_bytes: int
) -> Iterator[tuple[str, Saved]]:
    """Save each row's archived picture as ``folder/FINAL_LABEL/NAME``; yields the file's path below it, and its fate.

    Idempotent: what the folder has already is left as it is, and a name that another content has gets the picture's
    digest added. A file is whole or not there.

    Args:
        rows: of ``results``.
        archive: the object store.
        folder: is made; may hold other files.
        max_bytes: of one picture.

    Raises:
        StorageUnavailable: no answer within the deadline.
        OSError: the folder cannot be written to.
    """
    for row in rows:
        ending = PurePosixPath(row["archive_uri"]).suffix
        label_folder = folder / file_name(row["final_label"])
        path = label_folder / _picture_name(row, ending)
        if path.exists() and _digest(path) != row["sha256"]:
            path = path.with_name(f"{path.stem}-{row['sha256'][:8]}{path.suffix}")
        shown = path.relative_to(folder).as_posix()
        if path.exists():
            yield shown, Saved.EXISTING
            continue
        try:
            content = _read(archive, row["archive_uri"], max_bytes)
        except AlreadyDone:
            yield shown, Saved.MISSING
            continue
        label_folder.mkdir(parents=True, exist_ok=True)
        _write_whole(path, content)
        yield shown, Saved.WRITTEN


def file_name(text: str) -> str:
    """Return a text as the name of one file: no separator, no control character, no leading dot, at most 200 bytes."""
    name = "".join(character if character.isprintable() else "_" for character in text)
    name = re.sub(r'[/\\:*?"<>|]', "_", name).strip(" ")
    name = re.sub(r"^\.+", lambda dots: "_" * len(dots[0]), name)
    return name.encode()[:MAX_NAME_BYTES].decode(errors="ignore") or "_"


def _picture_name(row: dict[str, Any], ending: str) -> str:
    """Return the upload's file name, or its digest if it has none, with the ending of its format."""
    stem = PurePosixPath(row["name"] or "").stem or row["sha256"][:16]
    return file_name(stem) + ending


def _read(archive: ObjectStore, uri: str, max_bytes: int) -> bytes:
    location = parse_gs_uri(uri)
    return archive.read(archive.find(location.bucket, location.name).ref, max_bytes)


def _write_whole(path: Path, content: bytes) -> None:
    handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=".unfinished-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(unfinished).replace(path)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.isoformat(timespec="seconds")
        case str() if FORMULA.match(value):
            return f"'{value}"
    return str(value)
