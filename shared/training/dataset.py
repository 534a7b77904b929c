"""A labelled folder becomes examples: decoded as in serving, and split so that duplicates stay together."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

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
    """A file that was left out, and why, as a sentence."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """A folder with one sub-folder a label, read whole."""

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

    A file that does not decode is left out and named in ``bad_files``; so is one whose bytes lie under two labels.

    Args:
        folder: has one sub-folder a label.
        shrink_to_px: as in ``decode.decode``; pixels are kept in memory, so whoever trains should give it.
        on_read: called after each file, from other threads.

    Raises:
        Misconfigured: there is no such folder, it has no sub-folders, or a label has no picture.
    """
    found = files_by_label(folder)

    def read(item: tuple[Path, str]) -> Example | BadFile:
        result = _read(*item, shrink_to_px)
        on_read()
        return result

    with ThreadPoolExecutor() as threads:
        results = list(threads.map(read, found))
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
        Misconfigured: there is no such folder, or nothing in it is a sub-folder.
    """
    if not folder.is_dir():
        raise Misconfigured(f"the data in {folder}", ["there is no such folder"])
    names = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not names:
        raise Misconfigured(f"the data in {folder}", ["expected one sub-folder a label, found none"])
    return tuple(names)


def files_by_label(folder: Path) -> list[tuple[Path, str]]:
    """Return every file of every sub-folder with its label, sorted. Hidden files and folders are passed over.

    Raises:
        Misconfigured: there is no such folder, or nothing in it is a sub-folder.
    """
    return [(path, label) for label in labels_of(folder) for path in files_under(folder / label)]


def split(
    examples: Sequence[Example], validation_share: float, group_by: str = ""
) -> tuple[list[Example], list[Example]]:
    """Divide examples into training and validation by their content alone.

    Within each label the groups are ordered by sha256 and the first ones held out, so each label gives its share.
    Equal bytes always land on one side, and so do files whose names tell that they show the same patient, say. Where
    there are no such names, adding or renaming files moves hardly any other.

    Args:
        examples: in any order.
        validation_share: of each label, 0 to below 1; at least one group of each label is held out and one kept.
        group_by: a regular expression; files with the same label and the same match in their names are a group.
            A file without a match is a group of its own.

    Raises:
        Misconfigured: a label has fewer than two groups.
    """
    training: list[Example] = []
    validation: list[Example] = []
    for label in sorted({example.label for example in examples}):
        groups = _groups([example for example in examples if example.label == label], group_by)
        if len(groups) < 2:
            what = "group" if group_by and len(groups[0]) > 1 else "picture"
            fault = f"{label!r} has one {what} only, which cannot be both trained and validated on; add more"
            raise Misconfigured("the data", [fault])
        wanted = validation_share * sum(map(len, groups))
        held_out = 0
        for group in groups[:-1]:
            if held_out and held_out + len(group) / 2 > wanted:
                break
            held_out += len(group)
            validation += group
        chosen = {example.sha256 for example in validation}
        training += [example for group in groups for example in group if example.sha256 not in chosen]
    return training, validation


def _groups(examples: Sequence[Example], group_by: str) -> list[list[Example]]:
    """Put together what must not be told apart: equal bytes, and equal matches. Ordered by the least sha256 of each."""
    pattern = re.compile(group_by) if group_by else None
    leader: dict[str, str] = {}

    def led(name: str) -> str:
        while leader.setdefault(name, name) != name:
            name = leader[name]
        return name

    for example in examples:
        found = pattern.search(example.path.name) if pattern else None
        if found and led(example.sha256) != led(f"name {found[0]}"):
            leader[led(example.sha256)] = led(f"name {found[0]}")
    groups: dict[str, list[Example]] = {}
    for example in examples:
        groups.setdefault(led(example.sha256), []).append(example)
    return sorted(groups.values(), key=lambda group: min(example.sha256 for example in group))


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
    """Leave out pictures whose very bytes lie under more than one label: neither can be believed."""
    labels: dict[str, set[str]] = {}
    for example in (examples := list(examples)):
        labels.setdefault(example.sha256, set()).add(example.label)
    bad = [
        BadFile(example.path, f"The same bytes lie under {' and '.join(sorted(labels[example.sha256]))}.")
        for example in examples
        if len(labels[example.sha256]) > 1
    ]
    return [example for example in examples if len(labels[example.sha256]) == 1], bad
