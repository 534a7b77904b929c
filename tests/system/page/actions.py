"""Actions of a user on the page, and what the page then shows."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

NEWEST_KEPT = """
async () => {
  const done = (request) => new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));
  const database = await done(indexedDB.open("bucketlens", 1));
  for (;;) {
    const kept = await done(database.transaction("pictures").objectStore("pictures").getAll());
    if (kept.length) return kept.sort((one, other) => other.at - one.at)[0].answer;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
"""


def drop(page: Page, *files: Path) -> None:
    """Drag files from outside of the browser over the page and drop them, with real input events."""
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(file) for file in files], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": 300, "y": 400, "data": data})
    session.detach()


def choose(page: Page, *files: Path) -> None:
    """Choose files by the button."""
    page.get_by_label("Choose pictures").set_input_files(list(files))


def card(page: Page, name: str) -> Locator:
    """Return the card of a file."""
    return page.get_by_role("listitem").filter(has=page.get_by_role("heading", name=name, exact=True))


def wait_for(page: Page, name: str, state: str = "done") -> Locator:
    """Return the card of a file once it is ``done`` or ``failed``."""
    element = card(page, name)
    expect(element).to_have_attribute("data-state", state)
    return element


def kept_answer(page: Page) -> dict[str, Any]:
    """Return the service's answer to the newest picture, once this browser keeps it."""
    answer: dict[str, Any] = page.evaluate(NEWEST_KEPT)
    return answer


def shown(element: Locator) -> tuple[str, str]:
    """Return the label and the score that a card shows first."""
    first = element.get_by_role("list", name="Candidates").get_by_role("listitem").first
    return first.locator(".label").inner_text(), first.locator(".score").inner_text()


def correct(page: Page, name: str) -> Locator:
    """Open the viewer to label a picture, and return the viewer."""
    wait_for(page, name).get_by_role("button", name=f"the label of {name}").click()
    viewer = page.get_by_role("dialog")
    expect(viewer).to_be_visible()
    return viewer


def look_at(page: Page, name: str) -> Locator:
    """Open a picture's viewer and return it."""
    card(page, name).get_by_role("button", name=f"Look at {name}").click()
    viewer = page.get_by_role("dialog")
    expect(viewer).to_be_visible()
    return viewer


def copies(flowers: dict[str, Path], folder: Path, number: int) -> list[Path]:
    """Return a number of different picture files."""
    files = [folder / f"{index:03}.jpg" for index in range(number)]
    for file in files:
        shutil.copyfile(flowers["daisy"], file)
    return files
