"""The viewer: one large picture, labelled with mouse and keyboard."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from pillow_heif import register_heif_opener
from playwright.sync_api import Page, expect

from shared.adapters.bigquery import BigQuery
from shared.local.cloud import DATASET, PROJECT, Cloud
from tests.conftest import DEADLINE_S
from tests.system.page.actions import card, choose, correct, kept_answer, look_at, shown, wait_for
from tests.system.page.conftest import Visit


def test_viewer_shows_the_persons_label_and_strikes_the_models(visit: Visit, flowers: dict[str, Path]) -> None:
    page = visit()
    choose(page, flowers["roses"])
    viewer = correct(page, "roses.jpg")
    viewer.get_by_role("button", name="tulips").click()
    for parent in (viewer, card(page, "roses.jpg")):
        expect(parent.locator(".final b")).to_have_text("tulips")
        expect(parent.locator(".bars s")).to_have_text("roses")
    headline, struck = (
        page.locator(f".card {part}").evaluate("one => parseFloat(getComputedStyle(one).fontSize)")
        for part in (".final b", ".bars s")
    )
    assert headline > 1.5 * struck


def test_viewer_does_not_strike_a_confirmed_label(visit: Visit, flowers: dict[str, Path]) -> None:
    page = visit()
    choose(page, flowers["roses"])
    correct(page, "roses.jpg").get_by_role("button", name="roses").click()
    page.keyboard.press("Escape")
    expect(card(page, "roses.jpg").locator(".final")).to_have_text("roses as you confirmed")
    expect(card(page, "roses.jpg").locator("s")).to_have_count(0)


@pytest.mark.parametrize(
    ("label", "shown_label"), [("dahlia", "dahlia"), (None, "none of these")], ids=["another", "none of these"]
)
def test_viewer_takes_a_label_that_the_model_does_not_know(
    visit: Visit, cloud: Cloud, flowers: dict[str, Path], label: str | None, shown_label: str
) -> None:
    page = visit()
    choose(page, flowers["roses"])
    viewer = correct(page, "roses.jpg")
    if label:
        viewer.get_by_label("Another label").fill(f" {label} ")
        page.keyboard.press("Enter")
    else:
        viewer.get_by_role("button", name="none of these").click()
    expect(viewer.locator(".final b")).to_have_text(shown_label)
    warehouse = BigQuery(PROJECT, DATASET, DEADLINE_S, endpoint=cloud.url("warehouse"))
    sql = "SELECT label FROM labels WHERE prediction_id IN UNNEST(@ids)"
    [row] = warehouse.query(sql, ids=[kept_answer(page)["prediction_id"]]).rows
    assert row["label"] == (label or "none_of_these")


def test_viewer_shows_the_refusal_of_a_label_below_it(visit: Visit, flowers: dict[str, Path]) -> None:
    page = visit()
    choose(page, flowers["roses"])
    viewer = correct(page, "roses.jpg")
    viewer.get_by_label("Another label").fill("Roses")
    viewer.get_by_role("button", name="Save").click()
    expect(viewer.get_by_role("alert")).to_contain_text("expected 'roses'")
    expect(viewer.get_by_label("Another label")).to_have_value("Roses")


def test_viewer_labels_pictures_with_digits_and_arrows_alone(visit: Visit, flowers: dict[str, Path]) -> None:
    page = visit()
    choose(page, flowers["daisy"], flowers["roses"])
    wait_for(page, "roses.jpg")
    wait_for(page, "daisy.jpg")
    page.get_by_role("button", name="Look at daisy.jpg").focus()
    page.keyboard.press("Enter")
    viewer = page.get_by_role("dialog")
    page.keyboard.press("1")
    expect(viewer.locator(".final b")).to_have_text("daisy")
    page.keyboard.press("ArrowRight")
    expect(viewer.get_by_role("heading", name="roses.jpg")).to_be_visible()
    page.keyboard.press("0")
    expect(viewer.locator(".final b")).to_have_text("none of these")
    page.keyboard.press("ArrowRight")  # there is no other
    page.keyboard.press("Escape")
    expect(viewer).to_be_hidden()
    expect(page.get_by_role("button", name="Look at roses.jpg")).to_be_focused()
    expect(page.get_by_role("button", name="Labelled 2")).to_be_visible()


def test_viewer_takes_digits_in_another_labels_name_as_text(visit: Visit, flowers: dict[str, Path]) -> None:
    page = visit()
    choose(page, flowers["daisy"])
    viewer = correct(page, "daisy.jpg")
    viewer.get_by_label("Another label").press_sequentially("type 2")
    expect(viewer.get_by_label("Another label")).to_have_value("type 2")
    expect(viewer.locator(".final")).to_be_hidden()


def test_viewer_shows_a_whole_picture_of_any_proportions(visit: Visit, tmp_path: Path) -> None:
    Image.new("RGB", (60, 1800), (30, 90, 30)).save(tmp_path / "tower.png")
    page = visit()
    choose(page, tmp_path / "tower.png")
    wait_for(page, "tower.png")
    image = look_at(page, "tower.png").get_by_role("img", name="tower.png")
    expect(image).to_be_visible()
    assert image.evaluate("one => one.decode().then(() => [one.naturalWidth, one.naturalHeight])") == [60, 1800]
    assert image.evaluate("one => getComputedStyle(one).objectFit") == "contain"


def positions(page: Page) -> list[list[float]]:
    result: list[list[float]] = page.evaluate(
        "() => [...document.querySelectorAll('.card, .card .acts')].map((one) => {"
        " const box = one.getBoundingClientRect(); return [box.x, box.y + scrollY, box.width, box.height]; })"
    )
    return result


def test_viewer_does_not_move_when_a_correction_opens(visit: Visit, flowers: dict[str, Path]) -> None:
    page = visit(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    choose(page, *flowers.values())
    expect(page.locator("#status")).to_have_text("5 pictures")
    for label in flowers:
        expect(card(page, f"{label}.jpg").locator("img")).to_be_visible()
    before = positions(page)
    correct(page, "roses.jpg")
    assert positions(page) == before


@pytest.mark.parametrize("name", ["IMG_2207.heic", "scan.tiff"])
def test_viewer_shows_the_services_preview_of_an_unsupported_format(
    visit: Visit, flowers: dict[str, Path], tmp_path: Path, name: str
) -> None:
    register_heif_opener()
    Image.open(flowers["roses"]).save(tmp_path / name)
    page = visit()
    choose(page, tmp_path / name)
    result = wait_for(page, name)
    assert shown(result)[0] == "roses"
    expect(result.locator("img")).to_be_visible()
    image = look_at(page, name).get_by_role("img", name=name)
    expect(image).to_be_visible()
    assert image.evaluate("one => one.decode().then(() => one.naturalWidth)") == 480


def test_viewer_reports_a_picture_that_cannot_be_shown(visit: Visit, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("no picture", "utf-8")
    page = visit()
    urls: list[str] = []
    page.on("request", lambda request: urls.append(request.url) if "preview" in request.url else None)
    choose(page, tmp_path / "list.txt")
    result = wait_for(page, "list.txt", "failed")
    expect(result.get_by_text("No preview")).to_be_visible()
    expect(look_at(page, "list.txt").get_by_text("No preview")).to_be_visible()
    assert urls == [], "what was refused is not sent again"
