"""Tests that links in documents lead to files and headings, and that every page is in the index and on the site."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *ROOT.glob("infra/*/README.md"), *ROOT.glob("shared/**/*.md")])

CODE = re.compile(r"^(```|~~~).*?^\1|^ {4}.*?$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^()\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)


def links(page: Path) -> Iterator[tuple[str, str]]:
    """Yield the path and the anchor of each link to this repository; either may be empty."""
    for target in LINK.findall(CODE.sub("", page.read_text("utf-8"))):
        if not re.match(r"[a-z]+:", target):
            path, _, anchor = target.partition("#")
            yield path, anchor


@cache
def anchors(page: Path) -> frozenset[str]:
    """Return the anchors of a page's headings as GitHub makes them; the site's are the same."""
    text = re.sub(r"^(```|~~~).*?^\1", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    seen: Counter[str] = Counter()
    made = set()
    for heading in HEADING.findall(text):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        made.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return frozenset(made)


def faults(page: Path) -> list[str]:
    """Return the links of a page that have no target."""
    broken = []
    for path, anchor in links(page):
        target = page.parent / path if path else page
        if not target.exists():
            broken.append(path)
        elif anchor and (target.suffix != ".md" or anchor not in anchors(target)):
            broken.append(f"{path}#{anchor}")
    return broken


def site_settings() -> dict[str, Any]:
    """Return docs/site/mkdocs.yml; its one Python object is read as text."""

    class Loader(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML ships no types
        pass

    Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda _loader, suffix, _node: suffix)
    settings: dict[str, Any] = yaml.load((DOCS / "site" / "mkdocs.yml").read_text("utf-8"), Loader)
    return settings


def pages_in(entry: Any) -> list[str]:
    """Return the pages of a part of the site's menu, in its order."""
    if isinstance(entry, str):
        return [entry]
    parts = entry.values() if isinstance(entry, dict) else entry
    return [page for part in parts for page in pages_in(part)]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page: Path) -> None:
    assert faults(page) == []


def test_link_check_finds_broken_links(tmp_path: Path) -> None:
    (tmp_path / "b.md").write_text("# A b\n## Twice, `x`!\n## Twice x\n", "utf-8")
    text = "[1](b.md#a-b) [2](b.md#twice-x-1) [3](b.md#no) [4](c.md) [5](#no) [6](https://x.test/#y) `[7](d.md)`"
    (tmp_path / "a.md").write_text(f"{text}\n# Z\n[8](#z)\n", "utf-8")
    assert faults(tmp_path / "a.md") == ["b.md#no", "c.md", "#no"]


def test_index_and_site_have_every_page_once() -> None:
    pages = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")}
    at_root = {path.name for path in ROOT.glob("*.md")}
    index = {path for path, _ in links(DOCS / "README.md")}
    assert sorted(index) == sorted({*(pages - {"README.md"}), *(f"../{name}" for name in at_root)})
    menu = pages_in(site_settings()["nav"])
    assert sorted(menu) == sorted({*pages, *(name.replace("README", "overview") for name in at_root)})


def test_site_asks_no_other_host_for_fonts_or_icons() -> None:
    settings = site_settings()
    assert settings["theme"]["font"] is False
    assert settings["strict"] is True
    assert not {"extra_javascript", "repo_url"} & set(settings)
    assert settings["plugins"] == ["search"]
