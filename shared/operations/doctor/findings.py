"""The findings on a project, and the exit code that follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """What a finding means for an apply."""

    FINE = "fine"
    NOTE = "note"
    """It may matter; that cannot be known beforehand."""
    BITES = "will bite"
    UNSEEN = "could not be looked at"
    UNANSWERED = "did not answer"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a check."""

    about: str
    """A word or two: billing, an API, a constraint."""
    verdict: Verdict
    what: str
    """What was found, in a sentence."""
    to_do: str = ""
    """A sentence or a command; empty if there is nothing to do."""

    def as_json(self) -> dict[str, Any]:
        """Return the finding as ``--json`` prints it."""
        return asdict(self)


def fine(about: str, what: str) -> Finding:
    """Return a finding without anything to do."""
    return Finding(about, Verdict.FINE, what)


def bites(about: str, what: str, to_do: str) -> Finding:
    """Return a finding that makes an apply, a build or a call fail."""
    return Finding(about, Verdict.BITES, what, to_do)


def exit_code(findings: Sequence[Finding]) -> int:
    """Return 1 if something will bite, else 4 if Google did not answer, else 1 if a check could not be made, else 0.

    A check that could not be made is not fine: a pipeline that continues with 0 knows that everything was checked.
    """
    verdicts = {finding.verdict for finding in findings}
    if Verdict.BITES in verdicts:
        return 1
    if Verdict.UNANSWERED in verdicts:
        return 4
    return 1 if Verdict.UNSEEN in verdicts else 0
