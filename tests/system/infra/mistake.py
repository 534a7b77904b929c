"""What a planted mistake is."""

from __future__ import annotations

from dataclasses import dataclass

from tests.system.infra.plan_rules import Rule


@dataclass(frozen=True, slots=True)
class Mistake:
    """Something that somebody could type, and what must be said of it."""

    name: str
    file: str
    before: str
    after: str
    rule: Rule
    fault: str
    """A regular expression."""
