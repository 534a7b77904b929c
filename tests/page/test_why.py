"""A person asks why: the heat map over the picture, in Chromium, against the real function."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.page.actions import choose, wait_for
from tests.page.axe import violations
from tests.page.conftest import Visit


def why(found: Locator) -> Locator:
    return found.get_by_role("button", name="Why?")


def shown(page: Page, name: str) -> Locator:
    """Return the picture of a card while the heat map is over it."""
    found = wait_for(page, name)
    picture = found.get_by_role("img", name=f"Heat map over {name}")
    expect(picture).to_be_visible()
    return picture


def test_the_heat_map_is_shown_on_request_and_the_picture_again(visit: Visit, flowers: dict[str, Path]) -> None:
    page = visit()
    choose(page, flowers["daisy"])
    found = wait_for(page, "daisy.jpg")
    expect(found.get_by_role("img")).to_have_count(0)  # the photograph says nothing that the name does not
    with page.expect_response("**:explain?*") as answer:
        why(found).click()
    picture = shown(page, "daisy.jpg")

    assert answer.value.headers["content-type"] == "image/png"
    assert answer.value.url.endswith("/v1/models/flowers:explain?as=png&label=daisy")
    expect(picture).to_have_attribute("alt", "Heat map over daisy.jpg: where the model sees daisy")
    expect(why(found)).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("log")).to_contain_text("The heat map of daisy.jpg is shown.")
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 480

    why(found).click()
    expect(found.get_by_role("img")).to_have_count(0)
    expect(found.locator("img")).to_be_visible()
    expect(why(found)).to_have_attribute("aria-pressed", "false")


def test_it_is_asked_for_once(visit: Visit, flowers: dict[str, Path]) -> None:
    page = visit()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if ":explain" in request.url else None)
    choose(page, flowers["tulips"])
    found = wait_for(page, "tulips.jpg")
    for _ in range(3):
        why(found).click()
        expect(why(found)).to_have_attribute("aria-busy", "false")
    shown(page, "tulips.jpg")

    assert len(asked) == 1


def test_it_is_reached_with_the_keyboard_alone(visit: Visit, flowers: dict[str, Path]) -> None:
    page = visit()
    choose(page, flowers["roses"])
    found = wait_for(page, "roses.jpg")
    page.get_by_label("Choose pictures").focus()
    page.keyboard.press("Tab")
    expect(why(found)).to_be_focused()
    page.keyboard.press("Space")
    shown(page, "roses.jpg")
    expect(why(found)).to_be_focused()


def test_what_the_service_says_against_it_stands_beside_the_button(visit: Visit, flowers: dict[str, Path]) -> None:
    page = visit()
    sentence = "To explain this model takes 64 runs of it."
    page.route("**:explain?*", lambda route: route.fulfill(status=408, json={"error": sentence}))
    choose(page, flowers["daisy"])
    found = wait_for(page, "daisy.jpg")
    why(found).click()

    expect(found.locator(".why .problem")).to_have_text(sentence)
    expect(found.locator("img")).to_be_visible()
    expect(why(found)).to_have_attribute("aria-pressed", "false")


def test_a_card_without_its_picture_offers_no_heat_map(visit: Visit, flowers: dict[str, Path]) -> None:
    page = visit()
    choose(page, flowers["daisy"])
    expect(why(wait_for(page, "daisy.jpg"))).to_be_visible()
    page.reload()

    expect(why(wait_for(page, "daisy.jpg"))).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_rule_of_accessibility_is_broken_with_the_heat_map_shown(
    visit: Visit, rules: str, flowers: dict[str, Path], scheme: str
) -> None:
    page = visit(color_scheme=scheme, reduced_motion="reduce")
    choose(page, flowers["daisy"])
    why(wait_for(page, "daisy.jpg")).click()
    shown(page, "daisy.jpg")

    assert violations(page, rules) == {}
