"""The heatmap over a picture on the page, in Chromium, from the real function."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.system.page.actions import choose, look_at, wait_for
from tests.system.page.axe import violations
from tests.system.page.conftest import Visit


def viewer_of(page: Page, name: str) -> Locator:
    wait_for(page, name)
    return look_at(page, name)


def why(viewer: Locator) -> Locator:
    return viewer.get_by_role("button", name="Why?")


def heat_map(viewer: Locator, name: str) -> Locator:
    """Return the heatmap once it is shown."""
    picture = viewer.get_by_role("img", name=f"Heatmap over {name}")
    expect(picture).to_be_visible()
    return picture


def test_heatmap_is_shown_on_request_and_the_picture_again(visit: Visit, flowers: dict[str, Path]) -> None:
    page = visit()
    choose(page, flowers["daisy"])
    viewer = viewer_of(page, "daisy.jpg")
    expect(viewer.get_by_role("img", name="daisy.jpg", exact=True)).to_be_visible()
    with page.expect_response("**:explain?*") as answer:
        why(viewer).click()
    picture = heat_map(viewer, "daisy.jpg")

    assert answer.value.headers["content-type"] == "image/png"
    assert answer.value.url.endswith("/v1/models/flowers:explain?as=png&label=daisy")
    expect(picture).to_have_attribute("alt", "Heatmap over daisy.jpg: where the model sees daisy")
    expect(why(viewer)).to_have_attribute("aria-pressed", "true")
    expect(viewer.locator(".because")).to_have_text("weak to strong for daisy")
    expect(page.get_by_role("log")).to_contain_text("The heatmap of daisy.jpg is shown.")
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 480

    why(viewer).click()
    expect(viewer.get_by_role("img", name="daisy.jpg", exact=True)).to_be_visible()
    expect(why(viewer)).to_have_attribute("aria-pressed", "false")


def test_heatmap_is_requested_once(visit: Visit, flowers: dict[str, Path]) -> None:
    page = visit()
    urls: list[str] = []
    page.on("request", lambda request: urls.append(request.url) if ":explain" in request.url else None)
    choose(page, flowers["tulips"])
    viewer = viewer_of(page, "tulips.jpg")
    for _ in range(3):
        why(viewer).click()
        expect(why(viewer)).to_have_attribute("aria-busy", "false")
    heat_map(viewer, "tulips.jpg")

    assert len(urls) == 1


def test_heatmap_is_reached_with_the_keyboard_alone(visit: Visit, flowers: dict[str, Path]) -> None:
    page = visit()
    choose(page, flowers["roses"])
    why_button = wait_for(page, "roses.jpg").get_by_role("button", name="Why?")
    page.get_by_role("button", name="Look at roses.jpg").focus()
    page.keyboard.press("Tab")
    expect(why_button).to_be_focused()
    page.keyboard.press("Enter")
    viewer = page.get_by_role("dialog")
    heat_map(viewer, "roses.jpg")
    expect(why(viewer)).to_be_focused()


def test_heatmap_refusal_is_shown_next_to_the_button(visit: Visit, flowers: dict[str, Path]) -> None:
    page = visit()
    sentence = "An explanation by this model takes 64 runs of it."
    page.route("**:explain?*", lambda route: route.fulfill(status=408, json={"error": sentence}))
    choose(page, flowers["daisy"])
    viewer = viewer_of(page, "daisy.jpg")
    why(viewer).click()

    expect(viewer.locator(".why .problem")).to_have_text(sentence)
    expect(viewer.get_by_role("img", name="daisy.jpg", exact=True)).to_be_visible()
    expect(why(viewer)).to_have_attribute("aria-pressed", "false")


def test_heatmap_is_not_offered_on_a_restored_card(visit: Visit, flowers: dict[str, Path]) -> None:
    page = visit()
    choose(page, flowers["daisy"])
    expect(wait_for(page, "daisy.jpg").locator("img")).to_be_visible()
    expect(wait_for(page, "daisy.jpg").get_by_role("button", name="Why?")).to_be_visible()
    page.reload()

    expect(wait_for(page, "daisy.jpg").get_by_role("button", name="Why?")).to_be_hidden()
    expect(why(viewer_of(page, "daisy.jpg"))).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_heatmap_accessibility(visit: Visit, rules: str, flowers: dict[str, Path], scheme: str) -> None:
    page = visit(color_scheme=scheme, reduced_motion="reduce")
    choose(page, flowers["daisy"])
    viewer = viewer_of(page, "daisy.jpg")
    why(viewer).click()
    heat_map(viewer, "daisy.jpg")

    assert violations(page, rules) == {}
