"""Answer a browser's ``GET /`` with the page; the function answers all other requests.

The page is one document that contains its style and its script, so all of it comes from one revision, also while
traffic is split between two. The Content-Security-Policy allows only their hashes, so an injected script would not run.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from flask import Flask, Response, request

from shared.bundles.model_index import ModelIndex
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
"""``no-cache``: the browser keeps the page and revalidates it each time, which is cheap by its ETag."""


@dataclass(frozen=True, slots=True)
class PageModel:
    """A model as the page shows it."""

    name: str
    """Its name in paths."""
    version: str
    labels: tuple[str, ...]
    review_below: float
    """The threshold: a lower score needs review."""
    description: str = ""
    limits: tuple[str, ...] = ()
    """What it is not for and where it fails, by paragraph; empty if the bundle has no limits."""

    @property
    def in_words(self) -> str:
        """Its labels as a phrase."""
        return in_words(self.labels)


def add_page(app: Flask, service: Service) -> None:
    """Make an app answer browsers at ``/`` with the page; all other requests, also of ``/``, reach the function."""
    policy = content_security_policy(style=files.style(), script=files.script())
    rendered = lru_cache(maxsize=1)(page_of)  # rendered again when a new version of a model was loaded

    @app.before_request
    def page_for_a_browser() -> Response | None:
        if request.path != "/" or request.method not in ("GET", "HEAD") or not _wants_html():
            return None
        document = rendered(app, models_of(service.models.index), service.settings.page_history)
        answer = Response(document, mimetype="text/html", headers=HEADERS | {"Content-Security-Policy": policy})
        answer.add_etag()
        answer.make_conditional(request)
        return answer


def models_of(served: ModelIndex) -> tuple[PageModel, ...]:
    """Return the stable version of every model that is served, the default first."""
    models = []
    for name in served.names:
        manifest = served.find(name).manifest
        models.append(
            PageModel(
                name,
                manifest.version,
                manifest.labels,
                manifest.review_below,
                manifest.description,
                paragraphs(str(manifest.lineage.get("limits") or "")),
            )
        )
    return tuple(models)


def page_of(app: Flask, models: Sequence[PageModel], history: bool) -> str:
    """Return the page. All text from bundles is escaped; only the page's own style and script are not.

    Args:
        app: the app whose Jinja environment renders the page.
        models: the models that are served, the default first.
        history: whether the page shows the warehouse's pictures, and sends file names by default.
    """
    template = app.jinja_env.from_string(files.read("index.html"))
    return template.render(models=models, history=history, style=files.style(), script=files.script())


def content_security_policy(*, style: str, script: str) -> str:
    """Return a policy (https://www.w3.org/TR/CSP3/) that allows this style, this script, and calls to this service.

    The policy requires trusted types and allows none, so the script cannot turn a string into HTML even by mistake.
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
    """Return labels as a phrase: all of them, or the first MOST_LABELS_NAMED and the number of the others."""
    if len(labels) > MOST_LABELS_NAMED:
        return f"{', '.join(labels[:MOST_LABELS_NAMED])} and {len(labels) - MOST_LABELS_NAMED} more"
    return f"{', '.join(labels[:-1])} or {labels[-1]}" if len(labels) > 1 else labels[0]


def paragraphs(markdown: str) -> tuple[str, ...]:
    """Return the paragraphs and the list items of simple Markdown, as plain texts."""
    blocks = re.split(r"\n\s*\n|\n(?=- )", markdown.replace("**", ""))
    return tuple(text for block in blocks if (text := " ".join(block.removeprefix("- ").split())))


def _wants_html() -> bool:
    """Return whether ``Accept`` names HTML; curl and most clients send only ``*/*``, browsers name it."""
    return any(kind == "text/html" and quality > 0 for kind, quality in request.accept_mimetypes)
