"""``GET /docs``: every route on one page, without a script and without anything from another site."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape

from shared.bundles.manifest import Manifest
from shared.http.page import files
from shared.http.route import Protocol, Route

MARK = (
    '<svg class="mark" viewBox="0 0 32 32" aria-hidden="true"><path class="stroke" d="M3.5 7h25M6 7l2.3 18.4A3 3 0 0 0 '
    '11.3 28h9.4a3 3 0 0 0 3-2.6L26 7"/><circle class="lens" cx="16" cy="17.5" r="5.25"/></svg>'
)

ANSWER = """{
  "label": "%(label)s",
  "score": 0.9951,
  "needs_review": false,
  "candidates": [{"label": "%(label)s", "score": 0.9951}, …],
  "prediction_id": "3f9a…", "recorded": true, …
}"""
"""An example of an answer; its numbers are invented."""


def page(routes: Sequence[tuple[Protocol, Route]], manifest: Manifest, url: str) -> tuple[str, str]:
    """Return the page, and its Content-Security-Policy.

    Args:
        routes: every route, with its protocol.
        manifest: the manifest of the default model.
        url: the service's URL as the client wrote it, for the example.
    """
    style = files.style("theme.css", "docs.css")
    policy = (
        f"default-src 'none'; style-src '{files.hash_of(style)}'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    return "\n".join(_lines(routes, manifest, style, url.rstrip("/"))), policy


def _lines(routes: Sequence[tuple[Protocol, Route]], manifest: Manifest, style: str, url: str) -> Iterator[str]:
    protocols = tuple(dict.fromkeys(protocol for protocol, _ in routes))
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Bucketlens: routes</title>'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<style>{style}</style></head><body>"
    yield f'<header class="top"><a class="brand" href="./">{MARK}Bucketlens</a>'
    yield '<a class="link" href="./">Drop pictures</a></header><main><h1>For programs</h1>'
    yield f'<p class="lead">{escape(manifest.description)} Model <code>{escape(manifest.name)}</code>, version '
    yield f"<code>{escape(manifest.version)}</code>: {escape(', '.join(manifest.labels))}.</p>"
    yield '<section aria-labelledby="try"><h2 id="try">Try it</h2>'
    yield f'<pre tabindex="0"><code>curl --data-binary @photo.jpg {escape(url)}/v1/classify</code></pre>'
    yield f'<pre tabindex="0"><code>{escape(ANSWER % {"label": manifest.labels[0]})}</code></pre>'
    yield '<p>All routes as a document: <a href="openapi.json">openapi.json</a>. How busy this process is: '
    yield '<a href="metrics">metrics</a>.</p></section><nav aria-label="Protocols"><ul>'
    yield from (f'<li><a href="#{_anchor(protocol)}">{escape(protocol.name)}</a></li>' for protocol in protocols)
    yield "</ul></nav>"
    for protocol in protocols:
        anchor = _anchor(protocol)
        yield f'<section aria-labelledby="{anchor}"><h2 id="{anchor}">{escape(protocol.name)}</h2>'
        if protocol.specification:
            yield f'<p><a href="{escape(protocol.specification)}">Specification</a></p>'
        yield '<ul class="routes">'
        yield from (_line(route) for owner, route in routes if owner is protocol)
        yield "</ul></section>"
    yield "</main></body></html>"


def _line(route: Route) -> str:
    takes = f" Takes {', '.join(route.request_bodies)}." if route.request_bodies else ""
    return (
        f"<li><b>{route.method}</b><code>{escape(route.path)}</code>"
        f"<small>{escape(route.summary)}{escape(takes)}</small></li>"
    )


def _anchor(protocol: Protocol) -> str:
    return re.sub(r"\W+", "-", protocol.name.lower()).strip("-")
