"""One Chromium for these tests, and a visit to the page that ends with a look at what went wrong behind the scenes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from shared.local.cloud import Cloud
from shared.local.demo.drawings import drawings
from shared.settings import DEFAULT_BUNDLE, inherited_environment
from tests.environments import Impossible
from tests.limited_server import wait_until_ready
from tests.ports import free_port
from tests.system.page.axe import rules  # noqa: F401 - a fixture
from tests.system.page.chromium import chromium

ROOT = Path(__file__).parents[3]
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
def launch() -> Iterator[Callable[..., Browser]]:
    """Return what starts a browser with further arguments. A process can have one Playwright at a time."""
    try:
        found = chromium()
    except Impossible as reason:
        pytest.skip(str(reason))
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:

        def started(*arguments: str) -> Browser:
            return playwright.chromium.launch(
                executable_path=found.executable, args=[*found.arguments, *arguments], env=dict(found.environment)
            )

        yield started


@pytest.fixture(scope="package")
def browser(launch: Callable[..., Browser]) -> Iterator[Browser]:
    running = launch()
    yield running
    running.close()


@contextmanager
def page_of_its_own(
    cloud: Cloud, folder: Path, at_port: int | None = None, **settings: str
) -> Iterator[tuple[str, psutil.Popen]]:
    """Serve the page by the real function under gunicorn, on a cloud's stores. Yields its address and its process."""
    port = at_port or free_port()
    environment = inherited_environment(
        {
            **cloud.environment,
            "PYTHONPATH": str(ROOT),
            "FUNCTION_TARGET": "classify_request",
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "LOG_FORMAT": "text",
            **settings,
        }
    )
    command = [sys.executable, "-m", "gunicorn", "--config", str(ROOT / "functions" / "gunicorn.conf.py")]
    with (folder / "page.log").open("wb") as log:
        process = psutil.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        wait_until_ready(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}/", process
    finally:
        if process.is_running():
            process.terminate()
            process.wait(60)


@pytest.fixture(scope="package")
def address(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the page is as it is deployed: the function may read no rows."""
    with page_of_its_own(cloud, tmp_path_factory.mktemp("deployed"), PAGE_HISTORY="false") as (url, _):
        yield url


@pytest.fixture(scope="package")
def local_address(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the page of a local cloud is, with two models."""
    bundles = f"{DEFAULT_BUNDLE},chest_xray_v1"
    folder = tmp_path_factory.mktemp("local")
    with page_of_its_own(cloud, folder, PAGE_HISTORY="true", MODEL_BUNDLE=bundles) as (url, _):
        yield url


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

    def open_page(at: str = address, **options: Any) -> Page:
        own = at[: at.index("/", len("http://")) + 1]

        def look_at_request(request: Request) -> None:
            if not request.url.startswith((own, "data:", "blob:")):
                faults.append(f"a request left for {request.url}")

        context = browser.new_context(**options)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.add_init_script(TELL_VIOLATIONS)
        page.on("console", look_at_console)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", look_at_request)
        page.goto(at)
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
