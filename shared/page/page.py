"""Answers a browser's ``GET /`` with the page. Whoever does not ask for HTML gets what the function answers.

The page is one document with its style and its script in it, named by their hashes in the Content-Security-Policy. So
all of it is of one revision, also while traffic is split between two, and nothing that is injected would run.
"""

from __future__ import annotations

from base64 import b64encode
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from flask import Flask, Response, request

from shared.service import Service
from shared.types import ModelFacts

FOLDER = Path(__file__).parent
MOST_LABELS_NAMED = 6

SCRIPTS = ("page.js", "why.js")
"""Together the one script of the page."""

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


def add_page(app: Flask, service: Service) -> None:
    """Answer browsers at ``/``, before the function is asked; it still gets every other request, those of ``/`` too."""
    policy = content_security_policy(style=_read("page.css"), script=_script())
    rendered = lru_cache(maxsize=1)(page_of)  # again where a new version of the model was loaded

    @app.before_request
    def page_for_a_browser() -> Response | None:
        if request.path != "/" or request.method not in ("GET", "HEAD") or not _wants_html():
            return None
        served = service.bundles  # read once: another model may be loaded between two looks
        bundle = served.default
        document = rendered(app, bundle.facts, bundle.manifest.labels, served.names[0])
        answer = Response(document, mimetype="text/html", headers=HEADERS | {"Content-Security-Policy": policy})
        answer.add_etag()
        answer.make_conditional(request)
        return answer


def page_of(app: Flask, model: ModelFacts, labels: tuple[str, ...], served_as: str | None = None) -> str:
    """Return the document. Everything that a bundle says is escaped; style and script are ours, as they are.

    Args:
        app: whose templates are used.
        model: what the page asks, and says so.
        labels: the model's.
        served_as: the model's name in paths; None where it is its own.
    """
    template = app.jinja_env.from_string(_read("index.html"))
    return template.render(
        model=model,
        served_as=served_as or model.name,
        labels=in_words(labels),
        style=_read("page.css"),
        script=_script(),
    )


def content_security_policy(*, style: str, script: str) -> str:
    """Return a policy (https://www.w3.org/TR/CSP3/) that allows this style, this script, and calls to this service.

    Trusted types are required and none is allowed, so the script cannot turn a string into HTML even by mistake.
    """
    directives = (
        "default-src 'none'",
        f"style-src '{_hash_of(style)}'",
        f"script-src '{_hash_of(script)}'",
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


def _wants_html() -> bool:
    """Whether HTML is asked for by its name: ``*/*``, which curl and most clients send, is no browser's wish."""
    return any(kind == "text/html" and quality > 0 for kind, quality in request.accept_mimetypes)


def _script() -> str:
    return "\n".join(_read(name) for name in SCRIPTS)


def _hash_of(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _read(name: str) -> str:
    return (FOLDER / name).read_text("utf-8")
