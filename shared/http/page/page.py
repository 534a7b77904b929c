"""Answers a browser's ``GET /`` with the page. Whoever does not ask for HTML gets what the function answers.

The page is one document with its style and its script in it, named by their hashes in the Content-Security-Policy. So
all of it is of one revision, also while traffic is split between two, and nothing that is injected would run.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from flask import Flask, Response, request

from shared.bundles.catalogue import Catalogue
from shared.http.page import files
from shared.service import Service

MOST_LABELS_NAMED = 6

HEADERS = {
    "Cache-Control": "private, no-cache",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept",
    "X-Content-Type-Options": "nosniff",
}
"""Kept by the browser and asked for again each time (``no-cache``), which its ETag makes cheap."""


@dataclass(frozen=True, slots=True)
class OnPage:
    """A model as the page shows it."""

    name: str
    """What it is called in paths."""
    version: str
    labels: tuple[str, ...]
    review_below: float
    """A score below it needs review."""
    description: str = ""
    limits: tuple[str, ...] = ()
    """What it is not for, and where it fails, by paragraph; empty where nobody said."""

    @property
    def in_words(self) -> str:
        """Its labels."""
        return in_words(self.labels)


def add_page(app: Flask, service: Service) -> None:
    """Answer browsers at ``/``, before the function is asked; it still gets every other request, those of ``/`` too."""
    policy = content_security_policy(style=files.style(), script=files.script())
    rendered = lru_cache(maxsize=1)(page_of)  # again where a new version of a model was loaded

    @app.before_request
    def page_for_a_browser() -> Response | None:
        if request.path != "/" or request.method not in ("GET", "HEAD") or not _wants_html():
            return None
        document = rendered(app, models_of(service.bundles), service.settings.page_history)
        answer = Response(document, mimetype="text/html", headers=HEADERS | {"Content-Security-Policy": policy})
        answer.add_etag()
        answer.make_conditional(request)
        return answer


def models_of(served: Catalogue) -> tuple[OnPage, ...]:
    """Return the stable version of every model that is served, the default first."""
    found = []
    for name in served.names:
        manifest = served.find(name).manifest
        found.append(
            OnPage(
                name,
                manifest.version,
                manifest.labels,
                manifest.review_below,
                manifest.description,
                paragraphs(str(manifest.lineage.get("limits") or "")),
            )
        )
    return tuple(found)


def page_of(app: Flask, models: Sequence[OnPage], history: bool) -> str:
    """Return the document. Everything that a bundle says is escaped; style and script are ours, as they are.

    Args:
        app: whose templates are used.
        models: those that can be asked, the default first.
        history: whether the page shows the warehouse's pictures, and sends file names unasked.
    """
    template = app.jinja_env.from_string(files.read("index.html"))
    return template.render(models=models, history=history, style=files.style(), script=files.script())


def content_security_policy(*, style: str, script: str) -> str:
    """Return a policy (https://www.w3.org/TR/CSP3/) that allows this style, this script, and calls to this service.

    Trusted types are required and none is allowed, so the script cannot turn a string into HTML even by mistake.
    """
    directives = (
        "default-src 'none'",
        f"style-src '{files.hash_of(style)}'",
        f"script-src '{files.hash_of(script)}'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
    return "; ".join(directives)


def in_words(labels: tuple[str, ...]) -> str:
    """Say what a model knows: all its labels, or where there are many, the first few and the number of the others."""
    if len(labels) > MOST_LABELS_NAMED:
        return f"{', '.join(labels[:MOST_LABELS_NAMED])} and {len(labels) - MOST_LABELS_NAMED} more"
    return f"{', '.join(labels[:-1])} or {labels[-1]}" if len(labels) > 1 else labels[0]


def paragraphs(markdown: str) -> tuple[str, ...]:
    """Return the paragraphs and the items of lists of simple Markdown, as texts."""
    blocks = re.split(r"\n\s*\n|\n(?=- )", markdown.replace("**", ""))
    return tuple(text for block in blocks if (text := " ".join(block.removeprefix("- ").split())))


def _wants_html() -> bool:
    """Whether HTML is asked for by its name: ``*/*``, which curl and most clients send, is no browser's wish."""
    return any(kind == "text/html" and quality > 0 for kind, quality in request.accept_mimetypes)
