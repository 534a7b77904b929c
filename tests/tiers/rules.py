"""Which tier a test is in: the rules, all of them here. Docs: docs/testing.md.

A test that needs nothing is in ``check``. Any other is in the tier of its folder, or of its file where that has a rule
of its own; and one that needs programs of other people is run on demand only.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path, PurePosixPath

import pytest

from tests.contract.difference import OURS
from tests.tiers.needs import Need, needs_of

TESTS = Path(__file__).resolve().parents[1]


class Tier(StrEnum):
    """The command that first runs a test; each command but the last also runs what the one before it does."""

    CHECK = "check"
    """``make check``: no process, no socket, no TensorFlow."""
    TEST = "test"
    """``make test``: what a change can plausibly break."""
    REST = "rest"
    """``make test-all``: what takes long, or has its own harness."""
    FOREIGN = "foreign"
    """``make test-foreign``: comparisons with programs of other people, in environments that are installed for them."""


BY_FOLDER: dict[str, Tier] = {
    ".": Tier.TEST,
    "bench": Tier.REST,
    "cloud_check": Tier.REST,
    "contract": Tier.TEST,
    "dialects": Tier.TEST,
    "explain": Tier.TEST,
    "fuzz": Tier.REST,
    "hostile": Tier.TEST,
    "image": Tier.REST,
    "importing": Tier.REST,
    "infra": Tier.REST,
    "installing": Tier.REST,
    "local": Tier.TEST,
    "operations": Tier.TEST,
    "page": Tier.REST,
    "release": Tier.TEST,
    "site": Tier.REST,
    "small_places": Tier.REST,
    "supply_chain": Tier.FOREIGN,
    "tiers": Tier.TEST,
    "training": Tier.REST,
}
"""The tier of a folder's tests that need something. A folder takes the rule of the one that it is in."""

BY_FILE: dict[str, Tier] = {
    "test_chaos.py": Tier.REST,
    "test_environments.py": Tier.REST,
    "test_memory_limit.py": Tier.REST,
}
"""Files that go another way than their folder, whatever they need."""


class NoRule(pytest.UsageError):
    """A test for which no rule says when it runs."""


def tier_of(item: pytest.Item) -> Tier:
    """Return the one tier of a collected test.

    Raises:
        NoRule: its folder has no rule.
    """
    rule, needs = rule_for(item.path), needs_of(item)
    if not needs:
        return Tier.CHECK
    is_ours = getattr(getattr(item, "callspec", None), "params", {}).get("running_warehouse") == OURS
    is_foreign = Need.FOREIGN in needs and rule is Tier.TEST and not is_ours
    return Tier.FOREIGN if is_foreign else rule


def rule_for(path: Path) -> Tier:
    """Return the tier of a file's tests that need something.

    Raises:
        NoRule: neither its folder nor one around it has a rule.
    """
    file = PurePosixPath(path.resolve().relative_to(TESTS).as_posix())
    if str(file) in BY_FILE:
        return BY_FILE[str(file)]
    for folder in file.parents:
        if str(folder) in BY_FOLDER and (str(folder) != "." or len(file.parts) == 1):
            return BY_FOLDER[str(folder)]
    raise NoRule(
        f"tests/{file} is in a folder without a rule; add {str(file.parent)!r} to BY_FOLDER in tests/tiers/rules.py: "
        "TEST if every change should run it, REST if it takes long"
    )
