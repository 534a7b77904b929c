"""``GET /docs``: every route on one page, without a script and without anything from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from html import escape

from shared.dialects.route import Dialect, Route
from shared.manifest import Manifest

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --accent: #0b6bcb }
@media (prefers-color-scheme: dark) { :root { --accent: #7db8ff } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 2rem 1rem 4rem }
h1 { margin: 0 } h2 { margin: 2.5rem 0 .5rem; font-size: 1.2rem } p { margin: .3rem 0 1rem }
a { color: var(--accent) } code { font: .9em ui-monospace, monospace; overflow-wrap: anywhere }
ul { list-style: none; padding: 0; margin: 0; border: 1px solid var(--line); border-radius: .5rem }
li { display: grid; grid-template-columns: 3.5rem 1fr; gap: .2rem .8rem; padding: .6rem .8rem }
li + li { border-top: 1px solid var(--line) } li small { grid-column: 2; opacity: .8 }
b { font: 600 .75rem/1.6rem ui-monospace, monospace; text-align: center; background: var(--soft); border-radius: .3rem }
"""


def page(routes: Sequence[tuple[Dialect, Route]], manifest: Manifest) -> tuple[str, str]:
    """Return the page, and the Content-Security-Policy under which it is shown."""
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; frame-ancestors 'none'"
    return "\n".join(_lines(routes, manifest)), policy


def _lines(routes: Sequence[tuple[Dialect, Route]], manifest: Manifest) -> Iterator[str]:
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Bucketlens: routes</title>'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<style>{STYLE}</style></head><body><main><h1>Bucketlens</h1>"
    yield f"<p>{escape(manifest.description)} Model <code>{escape(manifest.name)}</code>, version "
    yield f"<code>{escape(manifest.version)}</code>: {escape(', '.join(manifest.labels))}.</p>"
    yield '<p>For programs: <a href="/openapi.json">openapi.json</a>, <a href="/metrics">metrics</a>.</p>'
    for dialect in dict.fromkeys(dialect for dialect, _ in routes):
        yield f"<section><h2>{escape(dialect.name)}</h2>"
        if dialect.specification:
            yield f'<p><a href="{escape(dialect.specification)}">Specification</a></p>'
        yield "<ul>"
        yield from (_line(route) for of, route in routes if of is dialect)
        yield "</ul></section>"
    yield "</main></body></html>"


def _line(route: Route) -> str:
    takes = f" Takes {', '.join(route.takes)}." if route.takes else ""
    return (
        f"<li><b>{route.method}</b><code>{escape(route.path)}</code>"
        f"<small>{escape(route.summary)}{escape(takes)}</small></li>"
    )
