"""Read a labelled folder into examples, decoded as in serving."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shared.errors import Misconfigured, Permanent
from shared.images.decode import Limits, decode
from shared.images.files import files_under
from shared.types import Pixels


@dataclass(frozen=True, slots=True)
class Example:
    """A picture that decoded, and its label."""

    path: Path
    label: str
    sha256: str
    """Of the file's bytes, 64 hex digits."""
    pixels: Pixels
    """Upright, decoded for the model's size as serving decodes it."""


@dataclass(frozen=True, slots=True)
class BadFile:
    """A file that was left out, and the reason as a sentence."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """A folder with a sub-folder for each label, read completely."""

    name: str
    """The folder's own name, without its parents."""
    labels: tuple[str, ...]
    """The sub-folders' names, sorted: the order of the model's outputs."""
    examples: tuple[Example, ...]
    """Sorted by label and file name."""
    bad_files: tuple[BadFile, ...]

    @property
    def fingerprint(self) -> str:
        """sha256 over the sorted lines ``label sha256``: equal for the same pictures, whatever their names."""
        lines = sorted(f"{example.label} {example.sha256}\n" for example in self.examples)
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    @property
    def counts(self) -> dict[str, int]:
        """Label to how many examples it has."""
        return {label: sum(example.label == label for example in self.examples) for label in self.labels}


def read_dataset(
    folder: Path, *, shrink_to_px: int | None = None, on_read: Callable[[], None] = lambda: None
) -> Dataset:
    """Read every file of every sub-folder.

    A file that does not decode is left out and named in ``bad_files``; so is a file whose bytes are under two labels.

    Args:
        folder: has a sub-folder for each label.
        shrink_to_px: as in ``decode.decode``; pixels are kept in memory, so training should set it.
        on_read: called after each file, from other threads.

    Raises:
        Misconfigured: the folder does not exist, it has no sub-folders, or a label has no picture.
    """
    files = files_by_label(folder)

    def read(item: tuple[Path, str]) -> Example | BadFile:
        result = _read(*item, shrink_to_px)
        on_read()
        return result

    with ThreadPoolExecutor() as threads:
        results = list(threads.map(read, files))
    examples = [result for result in results if isinstance(result, Example)]
    examples, contradictions = _without_contradictions(examples)
    bad_files = [result for result in results if isinstance(result, BadFile)] + contradictions
    labels = labels_of(folder)
    if bare := sorted(set(labels) - {example.label for example in examples}):
        raise Misconfigured(f"the data in {folder}", [f"no picture of {label!r} can be read" for label in bare])
    return Dataset(folder.resolve().name, labels, tuple(examples), tuple(bad_files))


def labels_of(folder: Path) -> tuple[str, ...]:
    """Return the names of a data folder's sub-folders, sorted.

    Raises:
        Misconfigured: the folder does not exist, or it has no sub-folders.
    """
    if not folder.is_dir():
        raise Misconfigured(f"the data in {folder}", ["the folder does not exist"])
    names = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not names:
        raise Misconfigured(f"the data in {folder}", ["expected one sub-folder a label, found none"])
    return tuple(names)


def files_by_label(folder: Path) -> list[tuple[Path, str]]:
    """Return every file of every sub-folder with its label, sorted. Hidden files and folders are skipped.

    Raises:
        Misconfigured: the folder does not exist, or it has no sub-folders.
    """
    return [(path, label) for label in labels_of(folder) for path in files_under(folder / label)]


def spread(examples: Sequence[Example], count: int) -> list[Example]:
    """Return some of the examples, at equal distances, so that each label has its share."""
    return [examples[index] for index in spread_indices(len(examples), count)]


def spread_indices(length: int, count: int) -> list[int]:
    """Return ``count`` indices of a sequence at equal distances, its ends among them; all if there are no more."""
    indices: list[int] = np.unique(np.linspace(0, length - 1, min(count, length)).round().astype(int)).tolist()
    return indices


def _read(path: Path, label: str, shrink_to_px: int | None) -> Example | BadFile:
    try:
        content = path.read_bytes()
        image = decode(content, Limits(), shrink_to_px=shrink_to_px)
    except OSError as error:
        return BadFile(path, f"It cannot be read ({error.strerror}).")
    except Permanent as error:
        return BadFile(path, str(error))
    return Example(path, label, hashlib.sha256(content).hexdigest(), image.pixels)


def _without_contradictions(examples: Iterable[Example]) -> tuple[list[Example], list[BadFile]]:
    """Leave out pictures whose bytes are under more than one label, since no label of theirs can be trusted."""
    labels: dict[str, set[str]] = {}
    for example in (examples := list(examples)):
        labels.setdefault(example.sha256, set()).add(example.label)
    bad = [
        BadFile(example.path, f"The same bytes are under {' and '.join(sorted(labels[example.sha256]))}.")
        for example in examples
        if len(labels[example.sha256]) > 1
    ]
    return [example for example in examples if len(labels[example.sha256]) == 1], bad
