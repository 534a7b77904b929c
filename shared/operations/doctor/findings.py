"""What an examination of a project found, and the exit code that follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """What a finding means for an apply."""

    FINE = "fine"
    NOTE = "note"
    """It may matter, and nobody can tell beforehand."""
    BITES = "will bite"
    UNSEEN = "could not be looked at"
    UNANSWERED = "did not answer"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    about: str
    """A word or two: billing, an API, a constraint."""
    verdict: Verdict
    what: str
    """A sentence: what is the case."""
    to_do: str = ""
    """A sentence or a command; empty where nothing need be done."""

    def as_json(self) -> dict[str, Any]:
        """Return the finding as ``--json`` prints it."""
        return asdict(self)


def fine(about: str, what: str) -> Finding:
    """Return a finding that asks for nothing."""
    return Finding(about, Verdict.FINE, what)


def bites(about: str, what: str, to_do: str) -> Finding:
    """Return a finding that an apply, a build or a call will fail for."""
    return Finding(about, Verdict.BITES, what, to_do)


def exit_code(findings: Sequence[Finding]) -> int:
    """Return 1 where something will bite, else 4 where Google did not answer, else 1 where something is unseen, else 0.

    What could not be looked at is not fine: a pipeline that goes on with 0 knows that everything was seen.
    """
    verdicts = {finding.verdict for finding in findings}
    if Verdict.BITES in verdicts:
        return 1
    if Verdict.UNANSWERED in verdicts:
        return 4
    return 1 if Verdict.UNSEEN in verdicts else 0
