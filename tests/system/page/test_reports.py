"""Reports in the browser: accessible in light and dark, nothing cut off on a narrow screen, nothing loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from shared.monitoring.judge import judge
from shared.reporting.period import Period
from shared.reporting.periodic import make_periodic_report
from shared.reporting.verdict_page import verdict_page
from shared.types import ModelFacts
from tests.memory.object_store import MemoryStore
from tests.memory.warehouse import MemoryWarehouse
from tests.monitoring.drawn import SINCE, drawn_pictures
from tests.monitoring.drawn_rows import UNTIL, drawn_bundle, write_rows
from tests.reporting.period_rows import ARCHIVE, LABELS, MADE_AT, PeriodRows, jpeg
from tests.system.page.axe import violations

LONG_NAME = "a" * 150 + "<b>.jpg"
NARROW_PX = 320


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The file of each report by its name."""
    folder = tmp_path_factory.mktemp("reports")
    warehouse, store = MemoryWarehouse(folder / "warehouse"), MemoryStore()
    store.create_bucket(ARCHIVE)
    bundle = drawn_bundle(folder)
    model = ModelFacts(bundle.manifest.name, bundle.manifest.version, bundle.digest, "litert")
    rows = PeriodRows(warehouse, store)
    for number, label in enumerate(LABELS * 4):
        identity = rows.classified(
            label, 0.5 + number / 50, name=LONG_NAME, content=jpeg(number), model=model, is_audited=number % 2 == 0
        )
        if number % 2 == 0:
            rows.labelled(identity, LABELS[number % 3])
    rows.failed("not_an_image")
    rows.judged("harmed", "The audited accuracy is below the floor.", model=model)
    period = Period.of_days(30, MADE_AT)
    other = drawn_bundle(folder)
    write_rows(warehouse, other, drawn_pictures(np.random.default_rng(1), 120, brightness=2.0))
    pages = {
        "periodic": make_periodic_report(warehouse, store, period, bundle, made_at=MADE_AT, model_name=model.name).html,
        "empty": make_periodic_report(warehouse, store, period, None, made_at=MADE_AT, model_name="none").html,
        "verdict": verdict_page(judge(warehouse, other, SINCE, UNTIL)),
    }
    warehouse.close()
    for name, page in pages.items():
        (folder / f"{name}.html").write_text(page, "utf-8")
    return {name: folder / f"{name}.html" for name in pages}


@pytest.fixture(params=["light", "dark"])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    page = browser.new_page(color_scheme=request.param)
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text))
    page.on("request", lambda sent: None if sent.url.startswith(("file:", "data:")) else faults.append(sent.url))
    yield page
    page.close()
    assert faults == []


@pytest.mark.parametrize("name", ["periodic", "empty", "verdict"])
def test_report_is_accessible(page: Page, rules: str, reports: dict[str, Path], name: str) -> None:
    page.context.set_default_timeout(60_000)
    page.goto(reports[name].as_uri())
    page.evaluate("document.querySelectorAll('details').forEach((element) => { element.open = true; })")
    assert violations(page, rules) == {}


@pytest.mark.parametrize("name", ["periodic", "empty", "verdict"])
def test_report_fits_a_narrow_screen(page: Page, reports: dict[str, Path], name: str) -> None:
    page.set_viewport_size({"width": NARROW_PX, "height": 800})
    page.goto(reports[name].as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW_PX


def test_report_shows_its_pictures(page: Page, reports: dict[str, Path]) -> None:
    page.goto(reports["periodic"].as_uri())
    sizes = page.evaluate("[...document.images].map((image) => image.naturalWidth)")
    assert len(sizes) == 16
    assert min(sizes) > 0
