"""Every alert has its entry in the runbook, every entry its alert, and each says what it must."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shared.cli import COMMANDS

ROOT = Path(__file__).parents[1]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text("utf-8")
ALERTS = re.findall(r'^    "([a-z-]+)" = merge\(', (ROOT / "infra/observability/alerts.tf").read_text("utf-8"), re.M)
ENTRIES = {
    text.partition("\n")[0]: text.partition("\n")[2] for text in re.split(r"^## ", RUNBOOK, flags=re.MULTILINE)[1:]
}
OF_NO_ALERT = {"By hand"}


def commands_of(entry: str) -> list[str]:
    return [line.strip() for line in entry.splitlines() if line.startswith("    ")]


def test_every_alert_has_its_entry_and_every_entry_its_alert() -> None:
    assert len(ALERTS) == 8
    assert set(ENTRIES) - OF_NO_ALERT == set(ALERTS)


@pytest.mark.parametrize("alert", ALERTS)
def test_an_entry_says_what_it_means_what_to_type_and_how_to_tell_that_it_is_over(alert: str) -> None:
    entry = ENTRIES[alert]
    places = [entry.find(mark) for mark in ("**It means**", "**Type**", "**It is over** when")]
    assert -1 not in places
    assert places == sorted(places)
    assert commands_of(entry[places[1] :])


@pytest.mark.parametrize("alert", ALERTS)
def test_an_entry_names_the_threshold_that_it_is_about(alert: str) -> None:
    alerts = (ROOT / "infra/observability/alerts.tf").read_text("utf-8")
    block = alerts.split(f'"{alert}" = merge(')[1].split("\n    })")[0]
    for threshold in re.findall(r"var\.thresholds\.(\w+)", block):
        assert f"`{threshold}" in ENTRIES[alert]


def test_every_command_of_ours_is_there() -> None:
    typed = set(re.findall(r"^ {4}bucketlens (\w+)", RUNBOOK, re.MULTILINE))
    assert {"query", "release", "replay"} <= typed <= set(COMMANDS)


def test_every_view_and_variable_that_is_named_is_there() -> None:
    views = {path.stem for path in (ROOT / "infra/bigquery/views").glob("*.sql")}
    assert set(re.findall(r"\bFROM (\w+)", RUNBOOK)) <= views
    main = (ROOT / "main.tf").read_text("utf-8")
    named = set(re.findall(r"`(\w+)(?: = [^`]*)?`", RUNBOOK)) & set(re.findall(r"`(\w+) = ", RUNBOOK))
    assert named
    assert [name for name in named if not re.search(rf"\b{name}\b", main)] == []


def test_links_inside_the_runbook_lead_somewhere() -> None:
    anchors = {name.lower().replace(" ", "-") for name in ENTRIES}
    assert set(re.findall(r"\]\(#([\w-]+)\)", RUNBOOK)) <= anchors
