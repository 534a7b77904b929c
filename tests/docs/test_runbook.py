"""Tests that every alert has its entry in the runbook, every entry its alert, and each entry its parts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shared.cli import COMMANDS

ROOT = Path(__file__).parents[2]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text("utf-8")
ALERTS = re.findall(r'^    "([a-z-]+)" = merge\(', (ROOT / "infra/observability/alerts.tf").read_text("utf-8"), re.M)
ENTRIES = {
    text.partition("\n")[0]: text.partition("\n")[2] for text in re.split(r"^## ", RUNBOOK, flags=re.MULTILINE)[1:]
}
OF_NO_ALERT = {"By hand", "Who gets which alert"}


def commands_of(entry: str) -> list[str]:
    return [line.strip() for line in entry.splitlines() if line.startswith("    ")]


def test_runbook_has_one_entry_for_each_alert() -> None:
    assert len(ALERTS) == 15
    assert set(ENTRIES) - OF_NO_ALERT == set(ALERTS)


@pytest.mark.parametrize("alert", ALERTS)
def test_runbook_entry_has_meaning_commands_and_the_sign_that_it_is_over(alert: str) -> None:
    entry = ENTRIES[alert]
    places = [entry.find(mark) for mark in ("**It means**", "**Type**", "**It is over** when")]
    assert -1 not in places
    assert places == sorted(places)
    assert commands_of(entry[places[1] :])


@pytest.mark.parametrize("alert", ALERTS)
def test_runbook_entry_names_its_threshold(alert: str) -> None:
    alerts = (ROOT / "infra/observability/alerts.tf").read_text("utf-8")
    block = alerts.split(f'"{alert}" = merge(')[1].split("\n    })")[0]
    for threshold in re.findall(r"var\.thresholds\.(\w+)", block):
        assert f"`{threshold}" in ENTRIES[alert]


def test_runbook_commands_exist() -> None:
    typed = set(re.findall(r"^ {4}bucketlens (\w+)", RUNBOOK, re.MULTILINE))
    assert {"monitor", "query", "release", "replay"} <= typed <= set(COMMANDS)


def test_runbook_names_existing_views_and_variables() -> None:
    views = {path.stem for path in (ROOT / "infra/bigquery/views").glob("*.sql")}
    assert set(re.findall(r"\bFROM (\w+)", RUNBOOK)) <= views
    main = (ROOT / "main.tf").read_text("utf-8")
    named = set(re.findall(r"`(\w+)(?: = [^`]*)?`", RUNBOOK)) & set(re.findall(r"`(\w+) = ", RUNBOOK))
    assert named
    assert [name for name in named if not re.search(rf"\b{name}\b", main)] == []


def test_runbook_links_have_targets() -> None:
    anchors = {name.lower().replace(",", "").replace(" ", "-") for name in ENTRIES}
    assert set(re.findall(r"\]\(#([\w-]+)\)", RUNBOOK)) <= anchors


def test_runbook_table_matches_terraform_for_every_alert() -> None:
    """Compare which alerts wake people: the docs, the severity in the plan, and the channels."""
    text = (ROOT / "infra/observability/alerts.tf").read_text("utf-8")
    documented: dict[str, str] = {}
    for names, severity in re.findall(r"^\| (`[a-z-]+`(?:, `[a-z-]+`)*) \| ([A-Z]+) \|", RUNBOOK, re.MULTILINE):
        documented |= dict.fromkeys(re.findall(r"`([a-z-]+)`", names), severity)
    made = {}
    for alert in ALERTS:
        block = text.split(f'"{alert}" = merge(')[1].split("\n    })")[0]
        match = re.search(r'severity += "([A-Z]+)"', block)
        made[alert] = match[1] if match else "ERROR"
    assert documented == made


def test_runbook_log_commands_print_lines_without_fields_too() -> None:
    """Filter by textPayload too, which holds a line that is only a message."""
    reads = [line for line in RUNBOOK.splitlines() if "gcloud logging read" in line and "jsonPayload.message" in line]
    assert len(reads) >= 5
    assert [line for line in reads if "textPayload" not in line] == []


def test_runbook_emergency_stop_applies_to_the_service_not_a_revision() -> None:
    """Stop the service: a limit of a new revision would not stop the one that traffic is pinned to."""
    stops = [line for line in commands_of(ENTRIES["By hand"]) if "services update classify" in line]
    assert len(stops) == 2
    assert all(line.endswith(" --max=1") for line in stops)
