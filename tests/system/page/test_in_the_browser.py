"""The page in Chromium, against the real function on a local cloud."""

from __future__ import annotations

import json
import re
import shutil
import urllib.error
import urllib.request
from base64 import b64encode
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Error, Page, Request, expect

from shared.adapters.bigquery import BigQuery
from shared.local.cloud import DATASET, PROJECT, Cloud
from tests.conftest import DEADLINE_S
from tests.system.page.actions import card, choose, correct, drop, kept_answer, look_at, shown, wait_for
from tests.system.page.conftest import LABELS, Visit

PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}


@pytest.fixture
def warehouse(cloud: Cloud) -> BigQuery:
    return BigQuery(PROJECT, DATASET, DEADLINE_S, endpoint=cloud.url("warehouse"))


def rows(warehouse: BigQuery, table: str, prediction_id: str) -> list[dict[str, object]]:
    return warehouse.query(f"SELECT * FROM {table} WHERE prediction_id IN UNNEST(@ids)", ids=[prediction_id]).rows


def test_page_classifies_a_dropped_file_and_leaves_a_row(
    visit: Visit, flowers: dict[str, Path], warehouse: BigQuery
) -> None:
    page = visit()
    drop(page, flowers["daisy"])
    result = wait_for(page, "daisy.jpg")
    answer = kept_answer(page)
    assert shown(result) == ("daisy", f"{answer['score'] * 100:.1f} %")
    assert result.get_by_role("list", name="Candidates").get_by_role("listitem").count() == 3
    expect(result.locator("img")).to_be_visible()
    expect(look_at(page, "daisy.jpg").locator(".facts")).to_have_text(
        re.compile(r"^480 × 480 JPEG · \d+(\.\d)? ms · flowers 1$")
    )
    expect(page.get_by_role("log")).to_contain_text("daisy.jpg: daisy, 99.5 %.")
    [row] = rows(warehouse, "predictions", answer["prediction_id"])
    assert row["label"] == "daisy"


def test_page_sends_the_file_unchanged_and_its_name_only_on_request(visit: Visit, flowers: dict[str, Path]) -> None:
    page = visit()
    with page.expect_request("**/v1/classify") as request:
        choose(page, flowers["tulips"])
    wait_for(page, "tulips.jpg")
    assert request.value.headers["content-type"] == "image/jpeg"
    assert int(request.value.all_headers()["content-length"]) == flowers["tulips"].stat().st_size
    assert "tulips.jpg" not in f"{request.value.url}{request.value.all_headers()}"
    page.get_by_label("Send file names too").check()
    page.reload()
    expect(page.get_by_label("Send file names too")).to_be_checked()
    with page.expect_request("**/v1/classify") as request:
        choose(page, flowers["daisy"])
    named = request.value.headers["content-disposition"]
    assert named == "attachment; filename*=UTF-8''daisy.jpg"


def test_page_label_is_corrected_with_the_keyboard_alone(
    visit: Visit, flowers: dict[str, Path], warehouse: BigQuery
) -> None:
    page = visit()
    page.on("filechooser", lambda chooser: chooser.set_files(flowers["roses"]))
    page.keyboard.press("Tab")  # Bucketlens
    page.keyboard.press("Tab")  # API
    page.keyboard.press("Tab")
    expect(page.get_by_label("Choose pictures")).to_be_focused()
    page.keyboard.press("Enter")
    result = wait_for(page, "roses.jpg")
    for _ in range(14):
        if result.locator(".correct").evaluate("element => element === document.activeElement"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    choice = page.get_by_role("button", name="tulips", exact=True)
    expect(page.get_by_role("button", name="roses", exact=True)).to_be_focused()
    while not choice.evaluate("element => element === document.activeElement"):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(choice).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("log")).to_contain_text("roses.jpg is labelled tulips by you.")
    page.keyboard.press("Escape")
    expect(result.locator(".final b")).to_have_text("tulips")
    expect(result.get_by_role("button", name="Look at roses.jpg")).to_be_focused()
    [row] = rows(warehouse, "labels", kept_answer(page)["prediction_id"])
    assert row["label"] == "tulips"


def test_page_keeps_the_order_and_sends_at_most_two_in_parallel(visit: Visit, flowers: dict[str, Path]) -> None:
    page = visit()
    in_flight, most = 0, 0

    def begin(request: Request) -> None:
        nonlocal in_flight, most
        in_flight += request.url.endswith("/v1/classify")
        most = max(most, in_flight)

    def end(request: Request) -> None:
        nonlocal in_flight
        in_flight -= request.url.endswith("/v1/classify")

    page.on("request", begin)
    page.on("requestfinished", end)
    choose(page, *flowers.values())
    for label in LABELS:
        assert shown(wait_for(page, f"{label}.jpg"))[0] == label
    assert page.locator(".card .name").all_inner_texts() == [f"{label}.jpg" for label in LABELS]
    assert most == 2
    expect(page.locator("#status")).to_have_text("5 pictures")


def test_page_classifies_a_pasted_picture(visit: Visit, flowers: dict[str, Path]) -> None:
    page = visit()
    page.evaluate(
        """(base64) => {
          const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
          const clipboardData = new DataTransfer();
          clipboardData.items.add(new File([bytes], "image.png", { type: "image/png" }));
          document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
        }""",
        b64encode(flowers["sunflowers"].read_bytes()).decode(),
    )
    assert shown(wait_for(page, "image.png"))[0] == "sunflowers"


def test_page_shows_needs_review_until_a_person_labels(visit: Visit, tmp_path: Path) -> None:
    Image.new("RGB", (300, 200), (120, 130, 140)).save(tmp_path / "fog.png")
    page = visit()
    choose(page, tmp_path / "fog.png")
    result = wait_for(page, "fog.png")
    expect(result.locator(".chip")).to_have_text("Needs review")
    expect(page.locator("#status")).to_have_text("1 picture, 1 to review")
    label, score = shown(result)
    sentence = f"Needs review: {score} is below this model's threshold of 92 %."
    expect(result.locator(".reason")).to_have_text(sentence)
    correct(page, "fog.png").get_by_role("button", name=label).click()
    page.keyboard.press("Escape")
    expect(result.locator(".chip")).to_have_text("Labelled by you")
    expect(result.locator(".reason")).to_be_hidden()
    expect(page.locator("#status")).to_have_text("1 picture")


@pytest.mark.parametrize(
    ("content", "status"),
    [
        pytest.param(b"bread, butter, a daisy", 415, id="no-image"),
        pytest.param(b"\xff\xd8\xff\xe0" + bytes(21 << 20), 413, id="too-large"),
    ],
)
def test_page_shows_an_error_in_the_services_sentence(
    visit: Visit, address: str, tmp_path: Path, content: bytes, status: int
) -> None:
    file = tmp_path / "list.jpg"
    file.write_bytes(content)
    request = urllib.request.Request(f"{address}v1/classify", content, {"Content-Type": "image/jpeg"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code == status
    sentence = json.loads(refused.value.read())["error"]["message"]
    page = visit()
    choose(page, file)
    expect(wait_for(page, "list.jpg", "failed").locator(".note")).to_have_text(sentence)
    expect(page.get_by_role("log")).to_contain_text(sentence)
    expect(card(page, "list.jpg").get_by_role("button", name="Try again")).to_be_hidden()


def test_page_shows_a_file_name_as_text_and_never_as_html(
    visit: Visit, flowers: dict[str, Path], tmp_path: Path
) -> None:
    name = "<img src=x onerror=alert(1)>.jpg"
    shutil.copyfile(flowers["daisy"], tmp_path / name)
    page = visit()
    choose(page, tmp_path / name)
    wait_for(page, name)
    page.reload()
    wait_for(page, name)
    assert page.locator("img[src=x]").count() == 0


def test_page_policy_forbids_what_the_page_never_does(visit: Visit, address: str, faults: list[str]) -> None:
    """Guards the other tests: they do not notice a lax policy, or unwatched violations."""
    page = visit()
    with pytest.raises(Error, match="TrustedHTML"):
        page.evaluate("document.body.innerHTML = '<b>x</b>'")
    is_told = page.expect_console_message(lambda message: "the policy forbids: connect-src" in message.text)
    with is_told, pytest.raises(Error, match="Failed to fetch"):
        page.evaluate("fetch('http://127.0.0.1:9/')")
    assert any("connect-src" in fault for fault in faults)
    page.context.close()
    faults.clear()


def overflow_px(page: Page) -> int:
    """How far the page could be scrolled sideways."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_page_never_scrolls_sideways(visit: Visit, flowers: dict[str, Path], width: int) -> None:
    page = visit(viewport={"width": width, "height": 800})
    assert overflow_px(page) == 0
    choose(page, flowers["daisy"])
    correct(page, "daisy.jpg")
    assert overflow_px(page) == 0


def test_page_is_not_widened_by_a_long_label(visit: Visit, address: str) -> None:
    page = visit(viewport={"width": 390, "height": 800})
    page.evaluate("() => { document.querySelector('.lead').textContent = 'Rosaceae_gen_sp_'.repeat(6); }")
    assert overflow_px(page) == 0
    page.goto(f"{address}docs")
    page.evaluate("() => { document.querySelector('.lead').textContent = 'Rosaceae_gen_sp_'.repeat(6); }")
    assert overflow_px(page) == 0


def test_page_offers_a_phone_its_camera(visit: Visit) -> None:
    camera = visit(**PHONE).get_by_label("Take a photo")
    expect(camera).to_have_attribute("capture", "environment")
    expect(camera.locator("..")).to_be_visible()
    expect(visit().get_by_label("Take a photo").locator("..")).to_be_hidden()


def test_page_does_not_animate_for_reduced_motion(visit: Visit, flowers: dict[str, Path]) -> None:
    page = visit(reduced_motion="reduce")
    choose(page, flowers["daisy"])
    wait_for(page, "daisy.jpg")
    assert page.evaluate("document.getAnimations().length") == 0


@pytest.mark.parametrize(
    ("name", "options"),
    [
        pytest.param("light", {"color_scheme": "light"}, id="light"),
        pytest.param("dark", {"color_scheme": "dark"}, id="dark"),
        pytest.param("phone", {"color_scheme": "light", **PHONE}, id="phone"),
    ],
)
def test_page_screenshot_is_saved(
    visit: Visit, flowers: dict[str, Path], tmp_path: Path, name: str, options: dict[str, object]
) -> None:
    page = visit(reduced_motion="reduce", **options)
    empty = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (empty == "rgb(20, 21, 19)") == (name == "dark")
    page.screenshot(path=tmp_path / f"{name}_empty.png")
    choose(page, flowers["daisy"], flowers["roses"])
    wait_for(page, "roses.jpg")
    wait_for(page, "daisy.jpg")
    page.screenshot(path=tmp_path / f"{name}_results.png", full_page=True)
    assert (tmp_path / f"{name}_results.png").stat().st_size > 10_000
