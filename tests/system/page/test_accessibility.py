"""The page follows the rules of axe-core (WCAG 2.2, levels A and AA)."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.system.page.actions import choose, correct, wait_for
from tests.system.page.axe import violations
from tests.system.page.conftest import Visit


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_accessibility_empty_and_filled(
    visit: Visit, rules: str, flowers: dict[str, Path], tmp_path: Path, scheme: str
) -> None:
    page = visit(color_scheme=scheme, reduced_motion="reduce")
    assert violations(page, rules) == {}
    (tmp_path / "list.txt").write_text("no picture", "utf-8")
    choose(page, flowers["daisy"], flowers["tulips"], tmp_path / "list.txt")
    wait_for(page, "list.txt", "failed")
    wait_for(page, "daisy.jpg")
    wait_for(page, "tulips.jpg")
    assert violations(page, rules) == {}
    viewer = correct(page, "tulips.jpg")
    assert violations(page, rules) == {}
    viewer.get_by_role("button", name="none of these").click()
    expect(viewer.locator(".final")).to_be_visible()
    assert violations(page, rules) == {}
    page.keyboard.press("Escape")
    assert violations(page, rules) == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_accessibility_with_models_limits_and_a_banner(
    visit: Visit, rules: str, local_address: str, scheme: str
) -> None:
    page = visit(at=local_address, color_scheme=scheme, reduced_motion="reduce")
    page.get_by_label("Model").select_option("chest_xray")
    page.locator(".limits summary").click()
    page.evaluate("document.querySelector('#clear').click()")
    expect(page.locator("#banner")).to_be_visible()
    assert violations(page, rules) == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_docs_page_accessibility(visit: Visit, rules: str, address: str, scheme: str) -> None:
    assert violations(visit(at=f"{address}docs", color_scheme=scheme), rules) == {}


def test_accessibility_rules_find_a_fault(visit: Visit, rules: str) -> None:
    """Guards the tests above: a picture without a text alternative must be a violation."""
    page = visit()
    page.evaluate("document.querySelector('main').append(new Image())")
    assert "image-alt" in violations(page, rules)
