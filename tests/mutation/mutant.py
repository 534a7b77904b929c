"""A mutant: one small mistake in one file, as an edit of its text."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """What is put in place of ``source[start:end]``."""

    start: int
    end: int
    text: str

    def applied_to(self, source: str) -> str:
        """Return the mutated text."""
        return source[: self.start] + self.text + source[self.end :]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A mistake, and where it is."""

    path: str
    """From the root of the project."""
    line: int
    place: str
    """The function or class that it is in, such as ``MemoryBudget.room_for``; empty for a module or a view."""
    operator: str
    """What kind of mistake it is, such as ``core/AddNot`` or ``sql/comparison``."""
    before: str
    """The lines that change, without their indentation."""
    after: str
    edit: Edit
    unit: str = ""
    """A digest of the code around it that changes when the code does: of its function, or of a view."""
    nth: int = 0
    """Tells mutants of one kind in one unit of a file apart."""

    @property
    def id(self) -> str:
        """The same as long as what the function does is: not of its lines, its names, or what it says to people."""
        parts = (self.path, self.unit, self.operator, str(self.nth))
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def difference(path: str, place: str, operator: str, unit: str, nth: int, source: str, mutated: str) -> Mutant:
    """Describe how ``mutated`` differs from ``source``. They must differ."""
    start = _common(source, mutated)
    end = len(source) - _common(source[start:][::-1], mutated[start:][::-1])
    text = mutated[start : len(mutated) - (len(source) - end)]
    first = source.rfind("\n", 0, start) + 1
    last = source.find("\n", end)
    last = len(source) if last < 0 else last
    before, after = source[first:last], source[first:start] + text + source[end:last]
    line = source.count("\n", 0, start) + 1
    edit = Edit(start, end, text)
    return Mutant(path, line, place, operator, _one_line(before), _one_line(after), edit, unit, nth)


def sample(keys: Sequence[str], size: int | None, seed: str = "2026") -> list[int]:
    """Return the positions of ``size`` keys (or all): the same each time, and mostly so when keys come or go."""
    if size is None:
        return list(range(len(keys)))
    ordered = sorted(range(len(keys)), key=lambda one: hashlib.sha256(f"{seed}{keys[one]}".encode()).digest())
    return sorted(ordered[:size])


def _common(one: str, other: str) -> int:
    """Return how many characters two texts begin with alike."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    return low


def _one_line(text: str) -> str:
    return " ".join(text.split())
