"""Mutants that a person judged to change nothing observable: ``judged.toml``, a reason for each."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.mutant import Mutant

FILE = Path(__file__).with_name("judged.toml")


@dataclass(frozen=True, slots=True)
class Judged:
    """A judgement and its reason."""

    path: str
    place: str
    """The function or class; empty for a module or a view."""
    before: str
    """The line, or lines, as ``Mutant.before``."""
    after: tuple[str, ...]
    """What each mutant makes of it; empty: any change."""
    reason: str

    def is_of(self, mutant: Mutant) -> bool:
        """Return whether it applies to a mutant."""
        where = (mutant.path, mutant.place, mutant.before) == (self.path, self.place, self.before)
        return where and (not self.after or mutant.after in self.after)


def judged(file: Path = FILE) -> list[Judged]:
    """Return the entries of the list.

    Raises:
        ValueError: an entry lacks a key, or has an unknown one; the message names it.
    """
    entries = []
    for number, entry in enumerate(tomllib.loads(file.read_text("utf-8")).get("mutant", []), 1):
        missing = {"path", "before", "reason"} - {name for name, value in entry.items() if value}
        unknown = set(entry) - {"path", "place", "before", "after", "reason"}
        if missing or unknown:
            raise ValueError(
                f"{file.name}, entry {number}: it lacks {sorted(missing)}, and {sorted(unknown)} is unknown"
            )
        after = (entry["after"],) if isinstance(entry.get("after"), str) else tuple(entry.get("after", ()))
        entries.append(Judged(entry["path"], entry.get("place", ""), entry["before"], after, entry["reason"]))
    return entries


def judgement_of(mutant: Mutant, entries: Sequence[Judged]) -> Judged | None:
    """Return the entry that applies to a mutant."""
    return next((entry for entry in entries if entry.is_of(mutant)), None)
