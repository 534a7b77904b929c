"""Listings of objects: at most 1,000 a page, and on request with the versions that are no longer live.

Parameters: https://cloud.google.com/storage/docs/json_api/v1/objects/list
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from aiohttp import web

from shared.local.storage_proxy.gate import Gate
from shared.local.storage_proxy.objects import forwarded
from shared.local.storage_proxy.refusals import Refused
from shared.local.storage_proxy.replies import mended
from shared.local.storage_proxy.routes import Route

MOST_ON_A_PAGE = 1000
BEFORE_GENERATION = "\n"
"""In our page tokens, between the name and the generation that come next; no name has one. The store's have a name."""

Resource = dict[str, Any]
Place = tuple[str, int]
"""Where something comes in a listing: its name and generation."""


async def list_objects(request: web.Request, route: Route, gate: Gate) -> web.StreamResponse:
    """Answer one page. The live objects are asked for first: what is overwritten meanwhile is among the kept then."""
    bucket, prefix = route.bucket or "", request.query.get("prefix", "")
    token, limit = request.query.get("pageToken", ""), _limit(request.query.get("maxResults"))
    has_versions = request.query.get("versions", "").lower() == "true"
    if BEFORE_GENERATION not in token:
        page = str(request.rel_url.update_query(maxResults=limit))
        reply = await forwarded(request, route, gate, b"", page)
        if not has_versions or reply.status >= 400 or not await gate.versions.of(bucket, prefix):
            return reply
    everything = f"/storage/v1/b/{quote(bucket, safe='')}/o?prefix={quote(prefix, safe='')}"
    live = await forwarded(request, route, gate, b"", everything)
    if live.status >= 400:
        return live
    found = {_place(item): item for item in await gate.versions.of(bucket, prefix)}
    found |= {_place(item): item for item in json.loads(live.text or "{}").get("items", [])}
    between = (request.query.get("startOffset", ""), request.query.get("endOffset", ""))
    inside = {place: item for place, item in found.items() if _is_between(place[0], *between)}
    listed = _folded(inside, prefix, request.query.get("delimiter", ""))
    return web.json_response(_page(listed, token, limit, str(request.url.origin())))


def _limit(text: str | None) -> int:
    if text is not None and not (text.isascii() and text.isdigit()):
        raise Refused(400, f"Invalid value for maxResults: {text!r}; it takes a whole number.")
    return min(int(text or 0) or MOST_ON_A_PAGE, MOST_ON_A_PAGE)


def _place(item: Resource) -> Place:
    return item["name"], int(item["generation"])


def _is_between(name: str, start: str, end: str) -> bool:
    return start <= name and (not end or name < end)


def _folded(found: dict[Place, Resource], prefix: str, delimiter: str) -> dict[Place, Resource | None]:
    """Put None, at the place of the common part, for all the names that go on after a delimiter."""
    listed: dict[Place, Resource | None] = {}
    for (name, generation), item in found.items():
        end = name.find(delimiter, len(prefix)) if delimiter else -1
        if end < 0:
            listed[name, generation] = item
        else:
            listed[name[: end + len(delimiter)], 0] = None
    return listed


def _page(listed: dict[Place, Resource | None], token: str, limit: int, proxy_url: str) -> Resource:
    name, _, generation = token.partition(BEFORE_GENERATION)
    ahead = sorted(place for place in listed if place >= (name, int(generation or 0)))
    page, rest = ahead[:limit], ahead[limit:]
    items = [mended(item, proxy_url) for place in page if (item := listed[place]) is not None]
    answer: Resource = {"kind": "storage#objects", "items": items}
    if prefixes := [place[0] for place in page if listed[place] is None]:
        answer["prefixes"] = prefixes
    if rest:
        answer["nextPageToken"] = f"{rest[0][0]}{BEFORE_GENERATION}{rest[0][1]}"
    return answer
