"""The type of a planted mistake."""

from __future__ import annotations

from dataclasses import dataclass

from tests.system.infra.plan_rules import Rule


@dataclass(frozen=True, slots=True)
class Mistake:
    """A change that a person could type, and the fault that must be reported."""

    name: str
    file: str
    before: str
    after: str
    rule: Rule
    fault: str
    """A regular expression of the reported fault."""
