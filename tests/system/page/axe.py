"""axe-core, which checks the accessibility of a page."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.environments import Impossible
from tests.system.page.npm_packages import Package, unpacked

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
    """Return the violated rules, best practices included, each with the elements that violate it."""
    page.evaluate(rules)
    violations: list[dict[str, Any]] = page.evaluate("axe.run(document).then((result) => result.violations)")
    return {rule["id"]: [node["html"][:120] for node in rule["nodes"]] for rule in violations}
