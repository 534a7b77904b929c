"""What the page must not do: round up to certainty, send what was cleared, wait too long, follow, lose what is kept."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.system.page.actions import card, choose, copies, wait_for
from tests.system.page.conftest import Visit
from tests.system.page.redirecting_front import redirecting_front

KEPT = """
async () => {
  const done = (request) => new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));
  const database = await done(indexedDB.open("bucketlens", 1));
  return (await done(database.transaction("pictures").objectStore("pictures").getAll())).map(({ name }) => name).sort();
}
"""
FULL = """
() => {
  const { put } = IDBObjectStore.prototype;
  IDBObjectStore.prototype.put = function (...given) {
    const request = put.apply(this, given);
    this.transaction.abort();
    return request;
  };
}
"""
"""From here on what is put is undone, as where the disk is full."""

KEEP_MANY = """
async (number) => {
  const done = (request) => new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));
  const database = await done(indexedDB.open("bucketlens", 1));
  const all = await done(database.transaction("pictures").objectStore("pictures").getAll());
  const work = database.transaction("pictures", "readwrite");
  const end = new Promise((resolve) => (work.oncomplete = resolve));
  for (let at = 1; at <= number; at += 1)
    work.objectStore("pictures").put({ ...all[0], id: `p${at}`, at, name: `${String(at).padStart(3, "0")}.jpg` });
  await end;
}
"""


def answering(*scores: float) -> Any:
    """Return a handler that lets the service answer, and replaces the scores of the candidates."""

    def answer(route: Route) -> None:
        reply = route.fetch()
        body = reply.json()
        for candidate, score in zip(body["candidates"], scores, strict=False):
            candidate["score"] = score
        body["score"] = scores[0]
        route.fulfill(response=reply, json=body)

    return answer


@pytest.mark.parametrize(
    ("scores", "shown"),
    [
        ((0.9996, 0.0004, 0.0), ["> 99.9 %", "< 0.1 %", "< 0.1 %"]),
        ((0.999, 0.001, 0.0009), ["99.9 %", "0.1 %", "< 0.1 %"]),
        ((1.0, 0.0, 0.0), ["100.0 %", "< 0.1 %", "< 0.1 %"]),
        ((0.54321, 0.25, 0.2), ["54.3 %", "25.0 %", "20.0 %"]),
    ],
)
def test_page_never_rounds_a_score_to_certainty(
    visit: Visit, flowers: dict[str, Path], scores: tuple[float, ...], shown: list[str]
) -> None:
    page = visit()
    page.route("**/v1/classify", answering(*scores))
    choose(page, flowers["daisy"])
    assert wait_for(page, "daisy.jpg").locator(".bars .score").all_inner_texts() == shown
    expect(page.get_by_role("log")).to_contain_text(f"daisy.jpg: daisy, {shown[0]}")


def test_page_does_not_send_queued_pictures_after_clear(visit: Visit, flowers: dict[str, Path], tmp_path: Path) -> None:
    page = visit()
    requests = clear_while_two_are_sent(page, copies(flowers, tmp_path, 6))
    choose(page, flowers["roses"])  # which would be sent behind what waited
    wait_for(page, "roses.jpg")
    assert len(requests) == 3
    expect(page.locator("#status")).to_have_text("1 picture")


def test_page_sends_queued_pictures_after_clear_is_undone(
    visit: Visit, flowers: dict[str, Path], tmp_path: Path
) -> None:
    page = visit()
    requests = clear_while_two_are_sent(page, copies(flowers, tmp_path, 6))
    page.get_by_role("button", name="Undo").click()
    expect(page.locator('[data-state="done"]')).to_have_count(6)
    expect(page.locator("#status")).to_have_text("6 pictures")
    assert len(set(requests)) == len(requests) == 6


def clear_while_two_are_sent(page: Page, files: list[Path]) -> list[str]:
    """Clear the list while two pictures are on their way, which then arrive. Returns the keys of what is sent."""
    requests: list[str] = []
    held: list[Route] = []

    def hold(route: Route) -> None:
        requests.append(route.request.headers["idempotency-key"])
        held.append(route) if len(requests) <= 2 else route.continue_()

    page.route("**/v1/classify", hold)
    choose(page, *files)
    expect(page.locator('[data-state="sending"]')).to_have_count(2)
    page.get_by_role("button", name="Clear").click()
    for route in held:
        with page.expect_response("**/v1/classify"):
            route.continue_()
    return requests


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [("3600", 60), ("61", 60), ("60", 60), ("59", 59), ("0", 1), ("Wed, 21 Oct 2026 07:28:00 GMT", 1), (None, 1)],
)
def test_page_obeys_retry_after_up_to_a_minute(
    visit: Visit, flowers: dict[str, Path], retry_after: str | None, seconds: int
) -> None:
    page = visit()
    page.clock.install()
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    busy = {"error": {"message": "Busy."}}
    page.route("**/v1/classify", lambda route: route.fulfill(status=429, headers=headers, json=busy))
    choose(page, flowers["daisy"])
    expect(page.locator("#banner")).to_contain_text(f"Busy. 1 picture waits. Trying again in {seconds} s.")
    with page.expect_request("**/v1/classify"):
        page.clock.run_for(seconds * 1000)
    page.unroute("**/v1/classify")


def test_page_does_not_take_a_redirect_as_an_answer(visit: Visit, address: str, flowers: dict[str, Path]) -> None:
    """A proxy may redirect a signed-out user to a page with status 200, which is not an answer about the picture."""
    with redirecting_front(address, {"/v1/classify": 1}) as front:
        page = visit(front)
        choose(page, flowers["daisy"])
        result = wait_for(page, "daisy.jpg", "failed")
        expect(result.locator(".note")).to_contain_text("The connection broke while this was sent")
        page.get_by_role("button", name="Retry all").click()
        wait_for(page, "daisy.jpg")


def test_page_treats_a_service_that_only_redirects_as_away(
    visit: Visit, address: str, flowers: dict[str, Path]
) -> None:
    with redirecting_front(address, {"/v1/classify": 1000, "/v2/health/live": 1000}) as front:
        page = visit(front)
        choose(page, flowers["daisy"])
        expect(page.locator("#banner")).to_contain_text("The service does not answer. 1 picture waits.")


def test_page_shows_answers_and_keeps_old_ones_in_a_full_browser(visit: Visit, flowers: dict[str, Path]) -> None:
    page = visit()
    choose(page, flowers["daisy"])
    wait_for(page, "daisy.jpg")
    expect(card(page, "daisy.jpg").locator("img")).to_be_visible()
    _until_kept(page, ["daisy.jpg"])
    page.evaluate(FULL)
    choose(page, flowers["tulips"])
    wait_for(page, "tulips.jpg")
    page.reload()
    wait_for(page, "daisy.jpg")
    assert page.locator(".card .name").all_inner_texts() == ["daisy.jpg"]
    assert page.evaluate(KEPT) == ["daisy.jpg"]


def test_page_shows_answers_in_a_browser_without_storage(visit: Visit, flowers: dict[str, Path]) -> None:
    page = visit()
    page.add_init_script(
        """
        const refuse = () => { throw new DOMException("The quota has been exceeded.", "QuotaExceededError"); };
        Storage.prototype.setItem = Storage.prototype.getItem = refuse;
        IDBFactory.prototype.open = refuse;
        """
    )
    page.reload()
    page.get_by_label("Send file names too").check()
    choose(page, flowers["daisy"])
    wait_for(page, "daisy.jpg")
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".card")).to_have_count(0)


def test_page_keeps_the_newest_five_hundred_answers(visit: Visit, flowers: dict[str, Path], tmp_path: Path) -> None:
    shutil.copyfile(flowers["daisy"], tmp_path / "999.jpg")
    page = visit()
    choose(page, tmp_path / "999.jpg")
    wait_for(page, "999.jpg")
    _until_kept(page, ["999.jpg"])
    page.evaluate(KEEP_MANY, 500)
    page.reload()
    expect(page.locator(".card")).to_have_count(500)
    expect(page.locator(".card .name").first).to_have_text("999.jpg")
    expect(page.locator(".card .name").last).to_have_text("002.jpg")
    _until_kept(page, [*(f"{at:03}.jpg" for at in range(2, 501)), "999.jpg"])


def _until_kept(page: Page, names: list[str]) -> None:
    """Wait until the browser keeps these pictures and no other."""
    page.wait_for_function(f"async (names) => JSON.stringify(await ({KEPT})()) === JSON.stringify(names)", arg=names)
