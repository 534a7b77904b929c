"""Tests that the Spanish deployment guide has the same commands, variables, figures and links as the English one."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
ENGLISH = (DOCS / "deployment.md").read_text("utf-8")
SPANISH = (DOCS / "despliegue.md").read_text("utf-8")


def commands_of(text: str) -> list[str]:
    """Return every line to type, without its remark."""
    lines = [line for line in text.splitlines() if line.startswith("    ")]
    return [re.sub(r" {2,}# .*", "", line).rstrip() for line in lines]


def in_code(text: str) -> set[str]:
    return set(re.findall(r"`([^`\n]+)`", text))


def test_translation_types_the_same_commands_in_the_same_order() -> None:
    assert len(commands_of(ENGLISH)) > 40
    assert commands_of(SPANISH) == commands_of(ENGLISH)


def test_translation_names_the_same_things() -> None:
    assert in_code(SPANISH) == in_code(ENGLISH)


def test_translation_has_the_same_sections_tables_and_figures() -> None:
    def shape(text: str) -> list[int]:
        return [len(re.findall(r"^\|", part, re.M)) for part in re.split(r"^##+ ", text, flags=re.M)]

    assert shape(SPANISH) == shape(ENGLISH)
    assert sorted(re.findall(r"\$[\d,.]*\d", SPANISH)) == sorted(re.findall(r"\$[\d,.]*\d", ENGLISH))


def test_translation_links_to_the_same_files_and_sections() -> None:
    def links(text: str) -> set[str]:
        return set(re.findall(r"\]\(([^)#][^)]*)\)", text)) - {"deployment.md", "despliegue.md"}

    assert links(SPANISH) == links(ENGLISH)


def test_translation_and_original_link_to_each_other_and_their_sections() -> None:
    assert "](despliegue.md)" in ENGLISH
    assert "](deployment.md)" in SPANISH
    for text in (ENGLISH, SPANISH):
        anchors = {
            re.sub(r"[^\w -]", "", name.lower()).replace(" ", "-") for name in re.findall(r"^##+ (.*)", text, re.M)
        }
        assert set(re.findall(r"\]\(#([\w-]+)\)", text)) <= anchors


def test_translation_uses_its_word_for_the_archive_for_nothing_else() -> None:
    """Check words: a file is a fichero, `terraform apply` an apply, so archivo and aplicación have one meaning."""
    words = re.findall(r"\w+", re.sub(r"`[^`\n]+`", "", SPANISH).lower())
    assert "archivado" in words
    assert {"archivo", "archivos", "aplicación", "aplicaciones"} & set(words) == set()
    assert re.findall(r"(?<!bucket de )archivado", SPANISH) == []
