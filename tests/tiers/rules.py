"""The rules that decide which tier a test is in. Docs: docs/testing.md.

A test that needs nothing is in ``check``, unless its file is in ``SLOW``. Any other is in the tier of its folder, or of
its file where that has a rule of its own; and one that needs programs of other people is run on demand only.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from pathlib import Path, PurePosixPath

import pytest

from tests.emulators.contract.difference import OURS
from tests.tiers.needs import Need, needs_of

TESTS = Path(__file__).resolve().parents[1]


class Tier(StrEnum):
    """The command that first runs a test; each command but the last also runs the tests of the one before it."""

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
    "adapters": Tier.TEST,
    "backlog": Tier.TEST,
    "bundles": Tier.TEST,
    "cli": Tier.TEST,
    "docs": Tier.TEST,
    "emulators": Tier.TEST,
    "functions": Tier.TEST,
    "http": Tier.TEST,
    "images": Tier.TEST,
    "importing": Tier.REST,
    "inference": Tier.TEST,
    "local": Tier.TEST,
    "operations": Tier.TEST,
    "monitoring": Tier.TEST,
    "mutation": Tier.TEST,
    "parsing": Tier.TEST,
    "pipeline": Tier.TEST,
    "release": Tier.TEST,
    "reporting": Tier.TEST,
    "signals": Tier.TEST,
    "system/bench": Tier.REST,
    "system/chaos": Tier.REST,
    "system/cloud_check": Tier.REST,
    "system/fuzz": Tier.REST,
    "system/hostile": Tier.TEST,
    "system/image": Tier.REST,
    "system/infra": Tier.REST,
    "system/installing": Tier.REST,
    "system/page": Tier.REST,
    "system/proofs": Tier.TEST,
    "system/site": Tier.REST,
    "system/small_places": Tier.REST,
    "system/supply_chain": Tier.FOREIGN,
    "tiers": Tier.TEST,
    "training": Tier.REST,
}
"""The tier of a folder's tests that need something. A folder inside another takes its rule."""

BY_FILE: dict[str, Tier] = {
    "test_environments.py": Tier.REST,
    "cli/test_monitor.py": Tier.REST,
    "cli/test_report.py": Tier.REST,
    "functions/test_monitor.py": Tier.REST,
    "images/test_memory_limit.py": Tier.REST,
    "monitoring/test_judge_models.py": Tier.REST,
    "release/test_recorded_release.py": Tier.REST,
    "reporting/test_periodic.py": Tier.REST,
    "reporting/test_verdict_page.py": Tier.REST,
    "reporting/test_weekly.py": Tier.REST,
    "system/infra/test_view_reference.py": Tier.TEST,
    "system/proofs/test_replay.py": Tier.REST,
    "mutation/test_worker.py": Tier.FOREIGN,  # on demand, like `make mutate` itself, whose forks it times
}
"""Files with another tier than their folder, whatever they need."""


SLOW = frozenset(
    (
        "http/test_admission_on_a_server.py",
        "monitoring/test_accuracy.py",
        "monitoring/test_drift.py",
        "monitoring/test_judge.py",
        "monitoring/test_two_samples.py",
        "monitoring/test_verdict.py",
        "mutation/test_in_place.py",
        "system/proofs/test_draws.py",
        "system/infra/test_view_reference.py",
        "training/test_calibration.py",
        "training/test_paired.py",
        "training/test_profile.py",
    )
)
"""Files whose tests need nothing but seconds, of which ``make check`` has 60; they are in the tier of their folder."""


class NoRule(Exception):
    """No rule decides when a test runs."""


def tier_of(item: pytest.Item) -> Tier:
    """Return the tier of a collected test.

    Raises:
        NoRule: its folder has no rule.
    """
    rule, needs = rule_for(item.path), needs_of(item)
    if not needs and str(_file_of(item.path)) not in SLOW:
        return Tier.CHECK
    is_ours = getattr(getattr(item, "callspec", None), "params", {}).get("running_warehouse") == OURS
    is_foreign = Need.FOREIGN in needs and rule is Tier.TEST and not is_ours
    return Tier.FOREIGN if is_foreign else rule


def rule_for(path: Path) -> Tier:
    """Return the tier of a file's tests that need something.

    Raises:
        NoRule: neither its folder nor one around it has a rule.
    """
    file = _file_of(path)
    if str(file) in BY_FILE:
        return BY_FILE[str(file)]
    for folder in file.parents:
        if str(folder) in BY_FOLDER and (str(folder) != "." or len(file.parts) == 1):
            return BY_FOLDER[str(folder)]
    raise NoRule(
        f"tests/{file} is in a folder without a rule; add {str(file.parent)!r} to BY_FOLDER in tests/tiers/rules.py: "
        "TEST if every change should run it, REST if it takes long"
    )


@cache
def _file_of(path: Path) -> PurePosixPath:
    return PurePosixPath(path.resolve().relative_to(TESTS).as_posix())
