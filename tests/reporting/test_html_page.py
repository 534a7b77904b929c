"""The page of a document stands alone, shows every text as it is, and can be read by everybody."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

import pytest

from shared.reporting.document import SPANISH, Column, Document, Paragraph, Section, Table
from shared.reporting.html_page import TEMPLATES, html_page
from tests.contrast import Colour, contrast
from tests.reporting.hostile_texts import HOSTILE, full_document
from tests.reporting.page_elements import elements_of

TEXTS = ("ink", "muted", "good", "caution", "bad")
LINES = ("border", "accent", "reference", *(f"series-{number}" for number in range(1, 7)))


@pytest.mark.parametrize("text", HOSTILE)
def test_page_of_hostile_texts_has_the_elements_of_a_page_of_plain_texts(text: str) -> None:
    hostile, plain = (elements_of(html_page(full_document(word))) for word in (text, "roses"))
    assert hostile.tags == plain.tags
    assert [item[:2] for item in hostile.attributes] == [item[:2] for item in plain.attributes]


@pytest.mark.parametrize("text", HOSTILE)
def test_page_writes_control_characters_out(text: str) -> None:
    page = html_page(full_document(text))
    assert re.findall("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", page) == []
    assert page.encode("utf-8")


def test_page_loads_nothing_and_runs_nothing() -> None:
    elements = elements_of(html_page(full_document("roses")))
    assert not {"script", "link", "iframe", "object", "embed", "form", "base"} & set(elements.tags)
    assert [name for _, name, _ in elements.attributes if name.startswith("on")] == []
    addresses = elements.values("src") + elements.values("href")
    assert [address for address in addresses if not address.startswith(("#section-", "data:image/jpeg;base64,"))] == []
    [policy] = [value for value in elements.values("content") if "default-src" in value]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'")
    style = (TEMPLATES / "report.css").read_text("utf-8")
    assert "url(" not in style
    assert "@import" not in style


def test_page_has_one_of_each_id_and_every_reference_has_its_target() -> None:
    elements = elements_of(html_page(full_document("roses")))
    ids = elements.values("id")
    assert [name for name, times in Counter(ids).items() if times > 1] == []
    links = [link.removeprefix("#") for link in elements.values("href")]
    assert {*links, *elements.values("aria-labelledby"), *elements.values("aria-describedby")} <= set(ids)


def test_page_headings_leave_no_level_out() -> None:
    levels = [int(tag[1]) for tag in elements_of(html_page(full_document("roses"))).tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert [pair for pair in pairwise(levels) if pair[1] > pair[0] + 1] == []


def test_page_has_the_language_of_its_document() -> None:
    document = Document("Informe", "hoy", (), (Section("a", ()), Section("b", ())), phrases=SPANISH)
    page = html_page(document)
    assert '<html lang="es">' in page
    assert "Contenido" in page


def test_page_is_the_same_for_the_same_document() -> None:
    assert html_page(full_document("roses")) == html_page(full_document("roses"))


def test_table_refuses_a_row_of_another_length() -> None:
    with pytest.raises(ValueError, match="A row of the table 'Labels' has 1 cells, expected 2"):
        Table("Labels", (Column("a"), Column("b")), (("only one",),))


def test_document_without_sections_is_a_page() -> None:
    assert "<p>nothing yet</p>" in html_page(Document("Report", "", (Paragraph("nothing yet"),), ()))


def colours(scheme: str) -> dict[str, Colour]:
    """Return the page's colours by name; channels are 0 to 1."""
    style = (TEMPLATES / "report.css").read_text("utf-8")
    light, dark, printed = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    named: dict[str, str] = {}
    for part in {"light": [light], "dark": [light, dark], "print": [light, printed]}[scheme]:
        named |= dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", part))
    channels = {name: [int(text[at : at + 2], 16) / 255 for at in (1, 3, 5)] for name, text in named.items()}
    return {name: (red, green, blue) for name, (red, green, blue) in channels.items()}


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
def test_page_colours_contrast_with_their_background(scheme: str) -> None:
    of = colours(scheme)
    weak = {
        (name, ground)
        for names, least in ((TEXTS, 4.5), (LINES, 3))
        for name in names
        for ground in ("paper", "raised")
        if contrast(of[name], of[ground]) < least
    }
    assert weak == set()


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
def test_numbers_of_a_confusion_contrast_with_their_shaded_cell(scheme: str) -> None:
    of = colours(scheme)
    red, green, blue = (0.45 * full + 0.55 * empty for full, empty in zip(of["accent"], of["paper"], strict=True))
    assert contrast(of["ink"], (red, green, blue)) >= 4.5
