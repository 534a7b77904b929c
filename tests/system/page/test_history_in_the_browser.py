"""The page after a reload: the warehouse's pictures on a local cloud, elsewhere those that the browser kept."""

from __future__ import annotations

import shutil
from pathlib import Path

from playwright.sync_api import expect

from shared.adapters.bigquery import BigQuery
from shared.local.cloud import DATASET, PROJECT, Cloud
from tests.conftest import DEADLINE_S
from tests.system.page.actions import card, choose, correct, kept_answer, look_at, shown, wait_for
from tests.system.page.conftest import Visit


def test_page_results_and_labels_outlive_a_reload_until_cleared(visit: Visit, flowers: dict[str, Path]) -> None:
    page = visit()
    expect(page.locator("footer")).to_contain_text("kept only in this browser")
    choose(page, flowers["daisy"], flowers["tulips"])
    wait_for(page, "daisy.jpg")
    correct(page, "tulips.jpg").get_by_role("button", name="none of these").click()
    expect(page.get_by_role("dialog").locator(".final")).to_be_visible()
    page.keyboard.press("Escape")
    for name in ("daisy.jpg", "tulips.jpg"):
        expect(card(page, name).locator("img")).to_be_visible()
    kept_answer(page)
    page.reload()
    assert shown(wait_for(page, "daisy.jpg"))[0] == "daisy"
    assert page.locator(".card .name").all_inner_texts() == ["daisy.jpg", "tulips.jpg"]
    expect(card(page, "tulips.jpg").locator(".final b")).to_have_text("none of these")
    expect(card(page, "tulips.jpg").locator("img")).to_be_visible()
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".card")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".card")).to_have_count(2)
    page.get_by_role("button", name="Clear").click()
    page.reload()
    expect(page.locator("body")).not_to_have_class("is-filled")
    assert page.locator(".card").count() == 0


def test_page_of_a_local_cloud_shows_the_warehouse_by_file_names(
    visit: Visit, cloud: Cloud, local_address: str, flowers: dict[str, Path], tmp_path: Path
) -> None:
    name = f"{tmp_path.name} ü 'quoted' (1).jpg"
    shutil.copyfile(flowers["daisy"], tmp_path / name)
    page = visit(at=local_address)
    expect(page.get_by_label("Send file names too")).to_be_checked()
    choose(page, tmp_path / name)
    correct(page, name).get_by_label("Another label").fill("dahlia")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog").locator(".final b")).to_have_text("dahlia")

    warehouse = BigQuery(PROJECT, DATASET, DEADLINE_S, endpoint=cloud.url("warehouse"))
    [row] = warehouse.query("SELECT final_label FROM results WHERE name IN UNNEST(@names)", names=[name]).rows
    assert row["final_label"] == "dahlia"

    other = visit(at=local_address)  # another browser, which kept nothing
    result = wait_for(other, name)
    expect(result.locator(".final b")).to_have_text("dahlia")
    expect(result.locator("img")).to_be_visible()
    image = look_at(other, name).get_by_role("img", name=name)
    expect(image).to_be_visible()
    assert image.evaluate("one => one.decode().then(() => one.naturalWidth)") == 480
    other.keyboard.press("Escape")
    other.get_by_role("button", name="Clear").click()
    other.reload()
    expect(other.get_by_role("button", name="Show earlier pictures")).to_be_visible()
    assert other.locator(".card").count() == 0
    other.get_by_role("button", name="Show earlier pictures").click()
    wait_for(other, name)


def test_page_uses_another_model_and_shows_its_limits(
    visit: Visit, local_address: str, flowers: dict[str, Path]
) -> None:
    page = visit(at=f"{local_address}?model=chest_xray")
    expect(page.get_by_label("Model")).to_have_value("chest_xray")
    expect(page.locator(".limits")).to_contain_text("This is no medical device.")
    expect(page.locator(".lead:visible")).to_contain_text("NORMAL or PNEUMONIA")
    with page.expect_request("**/v1/classify?model=chest_xray"):
        choose(page, flowers["sunflowers"])
    expect(card(page, "sunflowers.jpg").first).to_have_attribute("data-state", "done")
    page.get_by_label("Model").select_option("flowers")
    expect(page.locator(".limits")).to_be_visible()
    page.get_by_role("button", name="Look at sunflowers.jpg").first.click()
    expect(page.get_by_role("dialog").locator(".caution")).to_contain_text("no medical device")
    expect(page.get_by_role("dialog").locator(".facts")).to_contain_text("chest_xray 1")
    with page.expect_response("**/v1/models/chest_xray:explain?*") as answer:
        page.get_by_role("dialog").get_by_role("button", name="Why?").click()
    assert answer.value.ok
