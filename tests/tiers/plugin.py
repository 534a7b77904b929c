"""Hooks of pytest: mark each test with its tier, choose by ``--tier``, guard those of the first."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ports import hold_preferred_ports
from tests.tiers.guard import guarded
from tests.tiers.module_imports import loads_tensorflow
from tests.tiers.needs import needs_of
from tests.tiers.rules import NoRule, Tier, tier_of

TIER = pytest.StashKey[Tier]()
TIERS = pytest.StashKey[dict[str, list[str]]]()
"""Key of a session's tiers by collected test, those that are not run included."""

HELD = pytest.StashKey[list[socket.socket]]()
"""Key of a worker's sockets, which hold ports until its end."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--tier``, which may be repeated; without it every test is run."""
    parser.addoption("--tier", action="append", choices=list(Tier), default=[], help="run only the tests of a tier")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers."""
    for tier in Tier:
        config.addinivalue_line("markers", f"{tier}: set by tests/tiers/rules.py; choose with --tier {tier}")
    config.addinivalue_line("markers", "in_memory_too: run on ports in memory as well, if nothing else needs the cloud")
    config.addinivalue_line("markers", "needs(what, ...): process or tensorflow, where a test's code does not show it")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Let the local clouds of several workers take any ports but those that each would take first."""
    if hasattr(session.config, "workerinput"):
        session.config.stash[HELD] = hold_preferred_ports()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Release the ports that were held."""
    for owner in session.config.stash.get(HELD, []):
        owner.close()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out files that load TensorFlow where only tests without it are chosen."""
    is_test = collection_path.suffix == ".py" and config.getoption("tier") == [Tier.CHECK]
    return True if is_test and loads_tensorflow(collection_path) else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test of a module with the marker in memory and on the local cloud, if nothing else of it needs more."""
    test = metafunc.definition
    is_meant = "world" in metafunc.fixturenames and test.get_closest_marker("in_memory_too")
    if is_meant and not needs_of(test, {"world": "memory_world"}):
        metafunc.parametrize("world", ["memory_world", "cloud_world"], indirect=True, ids=["memory", "cloud"])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give each test its tier, and leave out those of the tiers that were not chosen."""
    for item in items:
        try:
            item.stash[TIER] = tier_of(item)
        except NoRule as error:
            raise pytest.UsageError(str(error)) from error
        item.add_marker(str(item.stash[TIER]))
    config.stash[TIERS] = {
        item.nodeid: [mark.name for mark in item.own_markers if mark.name in list(Tier)] for item in items
    }
    chosen = config.getoption("tier")
    if chosen:
        config.hook.pytest_deselected(items=[item for item in items if item.stash[TIER] not in chosen])
        items[:] = [item for item in items if item.stash[TIER] in chosen]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Guard a test of the first tier."""
    if item.stash.get(TIER, None) is not Tier.CHECK:
        return (yield)
    with guarded(item.nodeid):
        return (yield)


def pytest_report_collectionfinish(config: pytest.Config) -> str | list[str]:
    """Report how many tests each tier has, of the files that were collected; with several workers, each collects."""
    if TIERS not in config.stash:
        return []
    counts = Counter(tier for tiers in config.stash[TIERS].values() for tier in tiers)
    return f"tiers: {', '.join(f'{counts[tier]} {tier}' for tier in Tier)}"
