"""Tests that the dashboard matches Google's discovery document, and that its tiles do not overlap."""

from __future__ import annotations

import json
from itertools import combinations
from typing import Any

from tests.emulators.contract.discovery import document_of
from tests.emulators.contract.values import faults_in_json
from tests.environments import ROOT

DASHBOARD: dict[str, Any] = json.loads((ROOT / "infra/observability/dashboard.json").read_text("utf-8"))
SCHEMAS = document_of("monitoring", "v1")["schemas"]


def faults_of(dashboard: dict[str, Any]) -> list[str]:
    return list(faults_in_json("dashboard", dashboard, SCHEMAS["Dashboard"], SCHEMAS))


def test_dashboard_matches_googles_schema() -> None:
    assert faults_of(DASHBOARD) == []


def test_dashboard_with_a_typing_error_is_found() -> None:
    """Guard the test above."""
    text = json.dumps(DASHBOARD).replace('"ALIGN_RATE"', '"ALIGN_RATIO"').replace('"yAxis"', '"yAxes"')
    faults = "\n".join(faults_of(json.loads(text)))
    assert "is 'ALIGN_RATIO', expected one of" in faults
    assert "yAxes is unknown" in faults


def test_dashboard_tiles_do_not_overlap() -> None:
    layout = DASHBOARD["mosaicLayout"]
    areas = [
        {
            (x, y)
            for x in range(tile.get("xPos", 0), tile.get("xPos", 0) + tile["width"])
            for y in range(tile.get("yPos", 0), tile.get("yPos", 0) + tile["height"])
        }
        for tile in layout["tiles"]
    ]
    assert all(area.isdisjoint(other) for area, other in combinations(areas, 2))
    assert max(x for area in areas for x, _ in area) < layout["columns"]


def test_dashboard_positions_are_never_an_explicit_zero() -> None:
    """Check explicit zeros: Cloud Monitoring leaves them out of what it returns, so every plan would change them."""
    assert [tile for tile in DASHBOARD["mosaicLayout"]["tiles"] if 0 in (tile.get("xPos"), tile.get("yPos"))] == []
