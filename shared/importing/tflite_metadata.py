"""Read TensorFlow Lite's metadata of a model: labels, and how its input was normalised.

The format is that of https://github.com/tensorflow/tflite-support/blob/v0.4.4/tensorflow_lite_support/metadata/metadata_schema.fbs,
a flatbuffer inside the model's; files such as labels.txt are a zip archive at the end of the model's file.
"""

from __future__ import annotations

import ast
import io
import json
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

from flatbuffers import encode, number_types, packer
from flatbuffers.table import Table

from shared.importing.labels import labels_in

AXIS_LABELS = 2
"""``AssociatedFileType.TENSOR_AXIS_LABELS``."""
NORMALISATION = 1
"""``NormalizationOptions`` in the union ``ProcessUnitOptions``."""

# Fields by their position in the schema's tables.
SUBGRAPHS, INPUTS, OUTPUTS, PROCESS_UNITS, FILES = 3, 2, 3, 4, 6
UNIT_KIND, UNIT_OPTIONS, MEANS, DEVIATIONS, FILE_NAME, FILE_KIND = 0, 1, 0, 1, 0, 2


LARGEST_TEXT_BYTES = 2**20
"""Limit of a file with labels; the 21,841 names of the whole ImageNet take half of it."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """The part of the metadata that a bundle needs."""

    labels: tuple[str, ...] | None = None
    means: tuple[float, ...] | None = None
    """For pixels from 0 to 255: ``(pixel - mean) / deviation``; one number, or a number for each channel."""
    deviations: tuple[float, ...] | None = None


def metadata_of(content: bytes, described: bytes | None) -> Metadata:
    """Read the metadata of a model with one input and one output.

    Args:
        content: the whole .tflite file.
        described: the buffer TFLITE_METADATA of the model; None without one.
    """
    try:
        means, deviations, file = _described(described) if described else (None, None, None)
    except (
        struct.error,
        IndexError,
        TypeError,
        UnicodeDecodeError,
    ):  # invalid offsets count as no metadata
        means, deviations, file = None, None, None
    return Metadata(_labels(content, file), means, deviations)


def _described(buffer: bytes) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None, str | None]:
    root = Table(buffer, encode.Get(packer.uoffset, buffer, 0))
    for graph in list(_tables(root, SUBGRAPHS))[:1]:
        units = [unit for tensor in _tables(graph, INPUTS) for unit in _tables(tensor, PROCESS_UNITS)]
        options = [_table(unit, UNIT_OPTIONS) for unit in units if _byte(unit, UNIT_KIND) == NORMALISATION]
        files = [file for tensor in _tables(graph, OUTPUTS) for file in _tables(tensor, FILES)]
        named = [_text(file, FILE_NAME) for file in files if _byte(file, FILE_KIND) == AXIS_LABELS]
        means, deviations = (_floats(options[0], position) if options else () for position in (MEANS, DEVIATIONS))
        both = bool(means) and len(means) == len(deviations) and min(deviations) > 0
        return (means if both else None, deviations if both else None, named[0] if named else None)
    return None, None, None


def _labels(content: bytes, named: str | None) -> tuple[str, ...] | None:
    """Read labels from the file that the metadata names, else from the only text file."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            texts = [name for name in archive.namelist() if name.lower().endswith(".txt")]
            chosen = named if named in archive.namelist() else texts[0] if len(texts) == 1 else None
            if not chosen or archive.getinfo(chosen).file_size > LARGEST_TEXT_BYTES:
                return None
            text = archive.read(chosen).decode("utf-8-sig")
            return _names_of_ultralytics(text) if text.lstrip().startswith("{") else labels_in(text)
    except (zipfile.BadZipFile, UnicodeDecodeError, RuntimeError, NotImplementedError):
        return None


def _names_of_ultralytics(text: str) -> tuple[str, ...] | None:
    """Return the names in a description of Ultralytics: ``{'names': {0: 'cat', 1: 'dog'}, …}`` in Python or JSON.

    https://github.com/ultralytics/ultralytics/blob/main/ultralytics/engine/exporter.py
    """
    try:
        described = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        try:
            described = json.loads(text)
        except (ValueError, RecursionError):
            return None
    names = described.get("names") if isinstance(described, dict) else None
    if isinstance(names, dict) and sorted(map(str, names)) == sorted(map(str, range(len(names)))):
        by_number = {str(number): name for number, name in names.items()}
        names = [by_number[str(number)] for number in range(len(names))]
    return tuple(map(str, names)) if isinstance(names, list) and names else None


def _position(table: Table, field: int) -> int:
    """Return the position of a field's value in the buffer; 0 where the field is left out."""
    offset = table.Offset(4 + 2 * field)
    return int(table.Pos + offset) if offset else 0


def _table(table: Table, field: int) -> Table:
    position = _position(table, field)
    return Table(table.Bytes, table.Indirect(position)) if position else Table(table.Bytes, 0)


def _tables(table: Table, field: int) -> Iterator[Table]:
    if _position(table, field):
        offset = _position(table, field) - table.Pos
        start, count = table.Vector(offset), table.VectorLen(offset)
        for index in range(count):
            yield Table(table.Bytes, table.Indirect(start + 4 * index))


def _floats(table: Table, field: int) -> tuple[float, ...]:
    if not _position(table, field):
        return ()
    offset = _position(table, field) - table.Pos
    start, count = table.Vector(offset), table.VectorLen(offset)
    return tuple(float(table.Get(number_types.Float32Flags, start + 4 * index)) for index in range(count))


def _text(table: Table, field: int) -> str:
    position = _position(table, field)
    return str(table.String(position).decode("utf-8")) if position else ""


def _byte(table: Table, field: int) -> int:
    position = _position(table, field)
    return int(table.Get(number_types.Uint8Flags, position)) if position else 0
