"""The site builds without a network, its links lead somewhere, and it requests nothing from other hosts."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.docs.documents import script
from tests.environments import Impossible

PAGE = '<html><body><a href="b.html#here">b</a>{}</body></html>'


@pytest.fixture(scope="module")
def build() -> Iterator[ModuleType]:
    """docs/site/build.py; what it adds to the path of modules is removed again."""
    before = list(sys.path)
    yield script("site/build")
    sys.path[:] = before


def site_of(build: ModuleType, folder: Path, **pages: str) -> list[str]:
    """Return the faults of a site of these pages."""
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(text, "utf-8")
    faults: list[str] = build.Site(folder).faults()
    return faults


@pytest.mark.needs("foreign")  # docs/site/build.py is loaded by its path, so its code is not seen
def test_site_builds_offline_and_has_no_faults(build: ModuleType, tmp_path: Path) -> None:
    try:
        faults = build.build(tmp_path / "site")
    except Impossible as reason:
        pytest.skip(str(reason))
    assert faults == []
    pages = {path.name for path in (tmp_path / "site").glob("*.html")}
    assert {"index.html", "overview.html", "SECURITY.html", "cli.html", "glossary.html"} <= pages
    assert "<td>The project that holds the buckets" in (tmp_path / "site" / "settings.html").read_text("utf-8")
    assert not [path for path in (tmp_path / "site").rglob("*") if path.suffix in (".py", ".yml", ".in")]


def test_site_check_accepts_pages_without_faults(build: ModuleType, tmp_path: Path) -> None:
    outside = (
        '<a href="https://example.org/">a link is no request</a><link rel="canonical" href="https://example.org/">'
    )
    assert site_of(build, tmp_path, a=PAGE.format(outside), b='<p id="here">') == []


@pytest.mark.parametrize(
    ("element", "fault"),
    [
        ('<a href="c.html">', "a.html links to c.html, which is not there"),
        ('<a href="../../etc/hosts">', "a.html links to ../../etc/hosts, which is not there"),
        ('<a href="b.html#there">', "a.html links to b.html#there, which has no such anchor"),
        ('<a href="#there">', "a.html links to #there, which has no such anchor"),
        ('<img src="c.png">', "a.html links to c.png, which is not there"),
        ('<img src="https://example.org/c.png">', "a.html requests https://example.org/c.png"),
        ('<img srcset="//example.org/c.png 2x">', "a.html requests //example.org/c.png"),
        ('<script src="https://example.org/c.js">', "a.html requests https://example.org/c.js"),
        ('<link rel="stylesheet" href="https://example.org/c.css">', "a.html requests https://example.org/c.css"),
        ('<link rel="preconnect" href="https://example.org">', "a.html requests https://example.org"),
        ("<style>@import 'https://example.org/c.css'</style>", "a.html requests https://example.org/c.css"),
        ('<p style="background: url(https://example.org/c.png)">', "a.html requests https://example.org/c.png"),
        ('<pre class="mermaid">', "a.html has a diagram, which requests a library from another host"),
    ],
)
def test_site_check_finds_faults(build: ModuleType, tmp_path: Path, element: str, fault: str) -> None:
    assert site_of(build, tmp_path, a=PAGE.format(element), b='<p id="here">') == [fault]


def test_site_check_finds_requests_of_style_sheets(build: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "c.css").write_text("@font-face { src: url('https://example.org/c.woff2') }", "utf-8")
    assert site_of(build, tmp_path, a="<p>") == ["c.css requests https://example.org/c.woff2"]


def test_site_check_finds_that_there_are_no_pages(build: ModuleType, tmp_path: Path) -> None:
    assert site_of(build, tmp_path) == [f"{tmp_path} has no pages"]
