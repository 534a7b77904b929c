"""The page by the rules of axe-core, which read it as a screen reader does (WCAG 2.2, levels A and AA)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.page.actions import choose, wait_for
from tests.page.axe import violations
from tests.page.conftest import Visit


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_rule_is_broken_empty_or_filled(
    visit: Visit, rules: str, flowers: dict[str, Path], tmp_path: Path, scheme: str
) -> None:
    page = visit(color_scheme=scheme, reduced_motion="reduce")
    assert violations(page, rules) == {}
    (tmp_path / "list.txt").write_text("no picture", "utf-8")
    choose(page, flowers["daisy"], flowers["tulips"], tmp_path / "list.txt")
    wait_for(page, "list.txt", "failed")
    wait_for(page, "daisy.jpg").locator("summary").click()
    wait_for(page, "tulips.jpg").locator("summary").click()
    page.get_by_role("button", name="Save").first.click()
    assert violations(page, rules) == {}


def test_the_rules_are_applied(visit: Visit, rules: str) -> None:
    """Guards the test above: a picture without a text must be found."""
    page = visit()
    page.evaluate("document.querySelector('main').append(new Image())")
    assert "image-alt" in violations(page, rules)
