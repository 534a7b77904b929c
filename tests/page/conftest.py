"""One Chromium for these tests, and a visit to the page that ends with a look at what went wrong behind the scenes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from shared.local.cloud import Cloud
from shared.local.demo.drawings import drawings
from tests.environments import Impossible
from tests.page.axe import rules  # noqa: F401 - a fixture
from tests.page.chromium import chromium

PATIENCE_MS = 20_000
"""For what a person would see at once, on a machine that does other things too."""

LABELS = ("daisy", "dandelion", "roses", "sunflowers", "tulips")
EXPECTED = "Failed to load resource"
"""What Chromium writes to the console of an answer that is an error, which some tests provoke."""

TELL_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`the policy forbids: ${event.violatedDirective} ${event.blockedURI}`));
"""

Visit = Callable[..., Page]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    try:
        found = chromium()
    except Impossible as reason:
        pytest.skip(str(reason))
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        options = {"args": list(found.arguments), "env": found.environment}
        running = playwright.chromium.launch(executable_path=found.executable, **options)
        yield running
        running.close()


@pytest.fixture
def address(cloud: Cloud) -> str:
    """Where the page is: the real process, under gunicorn."""
    return f"{cloud.url('classify_request')}/"


@pytest.fixture
def faults() -> list[str]:
    """What went wrong behind the scenes of a visit; a test that provokes something takes it away."""
    return []


@pytest.fixture
def visit(browser: Browser, address: str, faults: list[str]) -> Iterator[Visit]:
    """Open the page, with the options of a browser's context. Nothing may break, be blocked, or be sent elsewhere."""
    contexts = []

    def look_at_console(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(EXPECTED):
            faults.append(message.text)

    def look_at_request(request: Request) -> None:
        if not request.url.startswith((address, "data:", "blob:")):
            faults.append(f"a request left for {request.url}")

    def open_page(**options: object) -> Page:
        context = browser.new_context(**options)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.add_init_script(TELL_VIOLATIONS)
        page.on("console", look_at_console)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", look_at_request)
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture(scope="package")
def flowers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Drawings that the model knows, as files, by label."""
    folder = tmp_path_factory.mktemp("flowers")
    drawn = drawings()
    for label in LABELS:
        drawn[label].save(folder / f"{label}.jpg", quality=92)
    return {label: folder / f"{label}.jpg" for label in LABELS}
