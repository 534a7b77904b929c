"""Folders of pictures: the summary, the filters, the spreadsheet, and the compact view."""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect

from tests.system.page.actions import card, choose, correct, drop, wait_for
from tests.system.page.conftest import Visit


def folder_of(flowers: dict[str, Path], tmp_path: Path) -> Path:
    """Return a folder with three pictures, one of them in a subfolder, and a file of another kind."""
    root = tmp_path / "meadow"
    (root / "plot 1").mkdir(parents=True)
    shutil.copyfile(flowers["daisy"], root / "b.jpg")
    shutil.copyfile(flowers["tulips"], root / "a.JPG")
    shutil.copyfile(flowers["roses"], root / "plot 1" / "c.jpeg")
    (root / "notes.txt").write_text("sunny", "utf-8")
    (root / ".DS_Store").write_bytes(b"\0")
    return root


def names(page: Page) -> list[str]:
    return [str(element.get_attribute("title")) for element in page.locator(".card .name").all()]


def expect_the_folder(page: Page) -> None:
    expect(page.locator("#status")).to_have_text("3 pictures")
    assert names(page) == ["meadow/a.JPG", "meadow/b.jpg", "meadow/plot 1/c.jpeg"]
    expect(page.locator("#banner")).to_contain_text(
        "3 pictures are sent. 1 other file was left out: it is not a picture."
    )


def test_drop_of_a_folder_takes_all_pictures_below_it(visit: Visit, flowers: dict[str, Path], tmp_path: Path) -> None:
    page = visit()
    drop(page, folder_of(flowers, tmp_path))
    expect_the_folder(page)


def test_folder_choice_takes_all_pictures_below_it(visit: Visit, flowers: dict[str, Path], tmp_path: Path) -> None:
    page = visit()
    page.get_by_label("Choose a folder").set_input_files(folder_of(flowers, tmp_path))
    expect(page.locator("#status")).to_have_text("3 pictures")
    assert sorted(names(page)) == ["meadow/a.JPG", "meadow/b.jpg", "meadow/plot 1/c.jpeg"]


def test_drop_of_a_folder_without_pictures_is_reported(visit: Visit, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    page = visit()
    drop(page, tmp_path / "empty")
    expect(page.locator("#banner")).to_contain_text("There was no picture in that.")


def test_page_summary_counts_all_and_filters_show_a_part(
    visit: Visit, flowers: dict[str, Path], tmp_path: Path
) -> None:
    Image.new("RGB", (300, 200), (120, 130, 140)).save(tmp_path / "fog.png")
    (tmp_path / "list.txt").write_text("no picture", "utf-8")
    page = visit()
    page.route("**/v1/classify", lambda route: None, times=1)
    choose(page, flowers["roses"])
    expect(page.locator("#status")).to_have_text("0 of 1")
    expect(page.get_by_role("progressbar")).to_be_visible()
    choose(page, flowers["daisy"], tmp_path / "fog.png", tmp_path / "list.txt")
    expect(page.locator("#status")).to_have_text("3 of 4, 1 to review, 1 failed")
    correct(page, "daisy.jpg").get_by_role("button", name="daisy").click()
    page.keyboard.press("Escape")

    for name, shown in (("To review", "fog.png"), ("Failed", "list.txt"), ("Labelled", "daisy.jpg")):
        button = page.get_by_role("button", name=f"{name} 1")
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
        assert [element.inner_text() for element in page.locator(".card:visible .name").all()] == [shown]
    correct(page, "daisy.jpg").get_by_role("button", name="none of these").click()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="To review").click()
    correct(page, "fog.png").get_by_role("button", name="none of these").click()
    page.keyboard.press("Escape")
    expect(page.get_by_text("No picture needs review.")).to_be_visible()
    expect(page.get_by_role("button", name="To review")).to_be_focused()


def test_page_is_compact_above_a_dozen_pictures(visit: Visit, flowers: dict[str, Path], tmp_path: Path) -> None:
    files = [tmp_path / f"{index:02}.jpg" for index in range(13)]
    for file in files:
        shutil.copyfile(flowers["daisy"], file)
    page = visit(viewport={"width": 1280, "height": 800})
    choose(page, *files[:12])
    expect(page.locator("#status")).to_have_text("12 pictures")
    few = card(page, "00.jpg").bounding_box()
    choose(page, files[12])
    expect(page.locator("#status")).to_have_text("13 pictures")
    many, bar = card(page, "00.jpg").bounding_box(), page.locator("#drop").bounding_box()
    assert few
    assert many
    assert bar
    assert many["height"] < few["height"] * 0.6
    assert bar["height"] < 80
    in_first_row = page.evaluate(
        "() => { const tops = [...document.querySelectorAll('.card')].map((one) => one.offsetTop);"
        " return tops.filter((top) => top === tops[0]).length; }"
    )
    assert in_first_row >= 6


def test_page_thumbnails_are_small_and_released_with_the_list(visit: Visit, tmp_path: Path) -> None:
    Image.new("RGB", (3000, 2000), (20, 120, 40)).save(tmp_path / "large.jpg")
    page = visit()
    page.evaluate(
        "() => { window.held = new Set(); const {createObjectURL, revokeObjectURL} = URL;"
        " URL.createObjectURL = (blob) => { const url = createObjectURL(blob); held.add(url); return url; };"
        " URL.revokeObjectURL = (url) => { held.delete(url); revokeObjectURL(url); }; }"
    )
    choose(page, tmp_path / "large.jpg")
    image = wait_for(page, "large.jpg").locator("img")
    expect(image).to_be_visible()
    assert image.evaluate("one => one.decode().then(() => [one.naturalWidth, one.naturalHeight])") == [480, 320]
    page.get_by_role("button", name="Look at large.jpg").click()
    expect(page.get_by_role("dialog").get_by_role("img", name="large.jpg")).to_be_visible()
    page.keyboard.press("Escape")
    page.wait_for_function("() => held.size === 1")  # the small copy alone
    page.get_by_role("button", name="Clear").click()
    choose(page, tmp_path / "large.jpg")
    expect(page.locator(".card img")).to_be_visible()
    page.wait_for_function("() => held.size === 1")  # what was cleared is let go once it cannot be undone


def test_spreadsheet_of_the_list_has_no_name_as_a_formula(
    visit: Visit, flowers: dict[str, Path], tmp_path: Path
) -> None:
    formula, quoted = tmp_path / "=1+1.jpg", tmp_path / 'a "b", ü.jpg'
    shutil.copyfile(flowers["daisy"], formula)
    shutil.copyfile(flowers["roses"], quoted)
    (tmp_path / "list.txt").write_text("no picture", "utf-8")
    page = visit()
    choose(page, formula, quoted, tmp_path / "list.txt")
    expect(page.locator("#status")).to_have_text("3 pictures, 1 failed")
    correct(page, "=1+1.jpg").get_by_label("Another label").fill("+dahlia")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog").locator(".final b")).to_have_text("+dahlia")
    page.keyboard.press("Escape")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export CSV").click()
    content = download.value.path().read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    rows = {row["name"]: row for row in csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))}
    assert set(rows) == {"'=1+1.jpg", 'a "b", ü.jpg', "list.txt"}
    assert rows["'=1+1.jpg"]["label"] == "daisy"
    assert rows["'=1+1.jpg"]["final_label"] == "'+dahlia"
    assert rows["'=1+1.jpg"]["labelled_by_a_person"] == "true"
    assert rows['a "b", ü.jpg']["final_label"] == "roses"
    assert 0 < float(rows['a "b", ü.jpg']["score"]) <= 1
    assert "supported image format" in rows["list.txt"]["problem"]


def test_page_shortens_a_long_name_in_the_middle_and_has_it_in_the_title(
    visit: Visit, flowers: dict[str, Path], tmp_path: Path
) -> None:
    name = f"Bellis_perennis_{'meadow_' * 12}replicate_0042.jpg"
    shutil.copyfile(flowers["daisy"], tmp_path / name)
    page = visit(viewport={"width": 390, "height": 844})
    choose(page, tmp_path / name)
    heading = page.get_by_role("heading", name=name)
    expect(heading).to_have_attribute("title", name)
    end = heading.locator("bdi").last
    expect(end).to_have_text("e_0042.jpg")
    box, inside = heading.bounding_box(), end.bounding_box()
    assert box
    assert inside
    assert inside["x"] + inside["width"] <= box["x"] + box["width"] + 1
