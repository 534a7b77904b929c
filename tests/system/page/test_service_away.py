"""The service is unavailable for a while: pictures queue, one banner shows it, and nothing is lost."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from shared.local.cloud import Cloud
from tests.system.page.actions import card, choose, copies, shown, wait_for
from tests.system.page.conftest import Visit, page_of_its_own


def banner(page: Page) -> str:
    return page.locator("#banner").inner_text()


def test_page_queues_pictures_while_the_service_is_away(
    visit: Visit, cloud: Cloud, flowers: dict[str, Path], tmp_path: Path
) -> None:
    """Restart the process at the same TCP port, as a supervisor does."""
    with page_of_its_own(cloud, tmp_path, PAGE_HISTORY="false") as (url, process):
        page = visit(at=url)
        process.terminate()
        process.wait(60)
        choose(page, *copies(flowers, tmp_path, 12))
        expect(page.locator("#banner")).to_contain_text("12 pictures wait.")
        expect(page.get_by_role("button", name="Retry all")).to_have_count(1)
        assert page.locator('[data-state="failed"]').count() == 0
        with page_of_its_own(cloud, tmp_path, int(url.rsplit(":", 1)[1].rstrip("/")), PAGE_HISTORY="false"):
            expect(page.locator("#status")).to_have_text("12 pictures")
            expect(page.locator("#banner")).to_be_hidden()
            assert page.locator('[data-state="done"]').count() == 12


def test_page_retries_with_one_picture_and_a_growing_pause(
    visit: Visit, flowers: dict[str, Path], tmp_path: Path
) -> None:
    page = visit()
    page.clock.install()
    keys: list[str] = []

    def away(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        route.fulfill(status=503, json={"error": {"message": "Away."}})

    page.route("**/v1/classify", away)
    choose(page, *copies(flowers, tmp_path, 6))
    expect(page.locator("#banner")).to_have_text(re.compile("^Away. 6 pictures wait. Trying again in 1 s. Retry all$"))
    expect(page.locator('[data-state="sending"]')).to_have_count(0)
    for seconds, number in ((2, 3), (4, 4), (8, 5)):
        page.clock.run_for(1000 * seconds // 2)
        expect(page.locator("#banner")).to_contain_text(f"Trying again in {seconds} s.")
        assert len(keys) == number
    assert len(set(keys)) == 5, "another picture each time: it may be the picture's fault"


def test_page_obeys_retry_after_and_keeps_the_key(visit: Visit, flowers: dict[str, Path]) -> None:
    page = visit()
    keys: list[str | None] = []

    def busy_at_first(route: Route) -> None:
        keys.append(route.request.headers.get("idempotency-key"))
        if len(keys) == 1:
            route.fulfill(status=429, headers={"Retry-After": "2"}, json={"error": {"message": "Busy."}})
        else:
            route.continue_()

    page.route("**/v1/classify", busy_at_first)
    choose(page, flowers["daisy"])
    expect(page.locator("#banner")).to_contain_text("Busy. 1 picture waits. Trying again in 2 s.")
    assert shown(wait_for(page, "daisy.jpg"))[0] == "daisy"
    expect(page.locator("#banner")).to_be_hidden()
    assert len(keys) == 2
    assert keys[0] == keys[1] is not None


def test_page_fails_a_picture_that_is_never_taken_and_continues(
    visit: Visit, flowers: dict[str, Path], tmp_path: Path
) -> None:
    page = visit()
    page.clock.install()
    bad: list[str] = []

    def never(route: Route) -> None:
        key = route.request.headers["idempotency-key"]
        bad.append(key) if not bad else None
        if key in bad:
            route.fulfill(status=503, json={"error": {"message": "Not this one."}})
        else:
            route.continue_()

    page.route("**/v1/classify", never)
    choose(page, *copies(flowers, tmp_path, 4))
    result = card(page, "000.jpg")
    for _ in range(8):
        page.clock.run_for(20_000)
        page.wait_for_load_state()
        if result.get_attribute("data-state") == "failed":
            break
        page.evaluate("() => new Promise((resolve) => requestIdleCallback(resolve, {timeout: 200}))")
    wait_for(page, "000.jpg", "failed")
    expect(result.locator(".note")).to_have_text("Not this one.")
    page.clock.run_for(70_000)
    expect(page.locator('[data-state="done"]')).to_have_count(3)
    page.unroute("**/v1/classify")
    result.get_by_role("button", name="Try again").click()
    assert shown(wait_for(page, "000.jpg"))[0] == "daisy"
    expect(result.get_by_role("heading")).to_be_focused()


def test_page_distinguishes_a_broken_upload_from_an_absent_service(
    visit: Visit, flowers: dict[str, Path], faults: list[str]
) -> None:
    page = visit()
    page.route("**/v1/classify", lambda route: route.abort(), times=1)
    choose(page, flowers["daisy"])
    result = wait_for(page, "daisy.jpg", "failed")
    expect(result.locator(".note")).to_contain_text("the file may be too large")
    expect(page.locator("#banner")).to_be_hidden()
    page.get_by_role("button", name="Retry all").click()
    wait_for(page, "daisy.jpg")
    expect(page.get_by_role("button", name="Retry all")).to_be_hidden()


def test_page_queues_pictures_while_offline(visit: Visit, flowers: dict[str, Path]) -> None:
    page = visit()
    page.context.set_offline(True)
    choose(page, flowers["daisy"])
    expect(page.locator("#banner")).to_contain_text("You are offline. 1 picture waits.")
    page.context.set_offline(False)
    wait_for(page, "daisy.jpg")
    expect(page.locator("#banner")).to_be_hidden()


@pytest.mark.parametrize("status", [401, 403])
def test_page_asks_a_signed_out_user_to_sign_in(visit: Visit, flowers: dict[str, Path], status: int) -> None:
    page = visit()
    page.route("**/v1/classify", lambda route: route.fulfill(status=status, body="<html>"))
    choose(page, flowers["daisy"])
    expect(wait_for(page, "daisy.jpg", "failed").locator(".note")).to_contain_text("reload the page to sign in")
