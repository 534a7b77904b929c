"""Check a built site: every link and anchor leads somewhere, and no page requests anything from another host."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

REQUESTED = {
    ("link", "href"),
    ("a", "ping"),
    ("form", "action"),
    ("object", "data"),
    ("use", "href"),
    ("video", "poster"),
}
"""Attributes that a browser requests unasked, besides ``src`` and ``srcset``."""

NOT_REQUESTED = {"canonical", "next", "prev", "alternate", "license", "author", "edit"}
"""What a ``link`` may be of without a request."""

IN_STYLES = re.compile(r"(?:@import\s+|url\(\s*)[\"']?((?:https?:)?//[^\"')\s]+)")


@dataclass
class Page(HTMLParser):
    """A page: its links, its requests, its anchors and classes."""

    text: str
    links: set[str] = field(default_factory=set)
    requests: set[str] = field(default_factory=set)
    anchors: set[str] = field(default_factory=set)
    classes: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Read the page."""
        super().__init__()
        self.feed(self.text)
        self.requests |= set(IN_STYLES.findall(self.text))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the links, requests, names and classes of an element."""
        values = {name: value for name, value in attrs if value is not None}
        self.classes |= set(values.get("class", "").split())
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self.links.add(values["href"])
        if tag == "link" and not set(values.get("rel", "").split()) - NOT_REQUESTED:
            return
        self.requests |= {value for name, value in values.items() if name == "src" or (tag, name) in REQUESTED}
        self.requests |= {part.split()[0] for part in values.get("srcset", "").split(",") if part.strip()}


@dataclass
class Site:
    """A folder of built pages."""

    folder: Path

    @cached_property
    def pages(self) -> dict[Path, Page]:
        """The pages by file."""
        return {path: Page(path.read_text("utf-8")) for path in sorted(self.folder.resolve().rglob("*.html"))}

    def faults(self) -> list[str]:
        """Return the faults, a sentence each."""
        if not self.pages:
            return [f"{self.folder} has no pages"]
        faults = [fault for path in self.pages for fault in self._faults_of(path)]
        for style in sorted(self.folder.rglob("*.css")):
            faults += [f"{style.name} requests {url}" for url in IN_STYLES.findall(style.read_text("utf-8"))]
        return faults

    def _faults_of(self, path: Path) -> list[str]:
        page, name = self.pages[path], path.relative_to(self.folder.resolve())
        elsewhere = {url for url in page.requests if urlsplit(url).netloc}
        faults = [f"{name} requests {url}" for url in sorted(elsewhere)]
        if "mermaid" in page.classes:
            faults.append(f"{name} has a diagram, which requests a library from another host")
        for url in sorted((page.links | page.requests) - elsewhere):
            parts = urlsplit(url)
            if parts.scheme or parts.netloc or path.name == "404.html":  # which is served at any address
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file() or not target.is_relative_to(self.folder.resolve()):
                faults.append(f"{name} links to {url}, which is not there")
            elif parts.fragment and target in self.pages and unquote(parts.fragment) not in self.pages[target].anchors:
                faults.append(f"{name} links to {url}, which has no such anchor")
        return faults
