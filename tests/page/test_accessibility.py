"""The page by the rules of axe-core, which read it as a screen reader does (WCAG 2.2, levels A and AA)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.environments import Impossible
from tests.page.actions import choose, wait_for
from tests.page.conftest import Visit
from tests.page.npm_packages import Package, unpacked

AXE = Package(
    "axe-core",
    "4.14.1",
    "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
)


@pytest.fixture(scope="module")
def rules() -> str:
    try:
        return (unpacked(AXE) / "axe.min.js").read_text("utf-8")
    except Impossible as reason:
        pytest.skip(str(reason))


def violations(page: Page, rules: str) -> dict[str, list[str]]:
    """Return the rules that are broken, best practices too, and by what."""
    page.evaluate(rules)
    found: list[dict[str, Any]] = page.evaluate("axe.run(document).then((result) => result.violations)")
    return {rule["id"]: [node["html"][:120] for node in rule["nodes"]] for rule in found}


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
