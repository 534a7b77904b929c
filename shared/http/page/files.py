"""The page's files, and their hashes for a Content-Security-Policy (https://www.w3.org/TR/CSP3/)."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from pathlib import Path

FOLDER = Path(__file__).parent

SCRIPTS = (
    "list.js",
    "service.js",
    "intake.js",
    "queue.js",
    "previews.js",
    "card.js",
    "status.js",
    "labels.js",
    "viewer.js",
    "why.js",
    "history.js",
    "spreadsheet.js",
    "page.js",
)
"""The parts of the page's script, in this order; ``page.js`` runs when it is loaded, so it is last."""

STYLES = ("theme.css", "page.css", "card.css", "viewer.css")


def script() -> str:
    """Return the page's script."""
    return "\n".join(read(name) for name in SCRIPTS)


def style(*names: str) -> str:
    """Return style sheets joined to one; without names, those of the page."""
    return "\n".join(read(name) for name in names or STYLES)


def hash_of(text: str) -> str:
    """Return the hash by which a policy allows an inline style or script."""
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def read(name: str) -> str:
    """Return the text of one of the page's files."""
    return (FOLDER / name).read_text("utf-8")
