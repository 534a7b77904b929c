"""Listings of objects: at most 1,000 a page, and on request with the versions that are no longer live.

Parameters: https://cloud.google.com/storage/docs/json_api/v1/objects/list
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from shared.emulators.storage import index
from shared.emulators.storage.errors import ApiError
from shared.emulators.storage.routes import Route
from shared.emulators.storage.store import Store
from shared.emulators.storage.stored import Stored

MOST_ON_A_PAGE = 1000
LAST_CHARACTER = 0x10FFFF
BEFORE_GENERATION = "\n"
"""In page tokens, between the name and the generation that come next; no name has one."""
GLOB = re.compile(r"\*\*|\*|\?|\[!?[^\]]+\]|\{[^{}]*\}|.", re.DOTALL)

Place = tuple[str, int]
"""Where something comes in a listing: its name and generation."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a listing is of."""

    bucket: str
    prefix: str
    delimiter: str
    start: Place
    end: str
    glob: re.Pattern[str] | None
    has_versions: bool


async def list_objects(request: web.Request, route: Route, store: Store) -> web.StreamResponse:
    """Answer one page."""
    index.bucket_of(store.db, route.bucket)
    asked, limit = _asked(request, route.bucket or ""), _limit(request.query.get("maxResults"))
    items: list[dict[str, Any]] = []
    prefixes: list[str] = []
    following, url = None, str(request.url.origin())
    with closing(_entries(store, asked)) as entries:
        for place, stored in entries:
            if len(items) + len(prefixes) == limit:
                following = place
                break
            if stored is None:
                prefixes.append(place[0])
            else:
                items.append(stored.resource(url))
    answer: dict[str, Any] = {"kind": "storage#objects", "items": items, "prefixes": prefixes}
    if following:
        token = base64.urlsafe_b64encode(f"{following[0]}{BEFORE_GENERATION}{following[1]}".encode())
        answer["nextPageToken"] = token.decode()
    return web.json_response({name: value for name, value in answer.items() if value != [] or name == "items"})


def _asked(request: web.Request, bucket: str) -> Asked:
    query = request.query
    prefix, start, end = query.get("prefix", ""), query.get("startOffset", ""), query.get("endOffset", "")
    token = _place_in(query["pageToken"]) if query.get("pageToken") else ("", 0)
    ends = [name for name in (end, after(prefix)) if name]
    return Asked(
        bucket,
        prefix,
        query.get("delimiter", ""),
        max(token, (max(prefix, start), 0)),
        min(ends) if ends else "",
        pattern_of(query["matchGlob"]) if query.get("matchGlob") else None,
        query.get("versions", "").lower() == "true",
    )


def _entries(store: Store, asked: Asked) -> Generator[tuple[Place, Stored | None]]:
    """Yield objects, and None at the place of the common part of all names that go on after a delimiter."""
    place: Place | None = asked.start
    while place is not None:
        begun, place = place, None
        with closing(index.objects_from(store.db, asked.bucket, begun, asked.end, versions=asked.has_versions)) as rows:
            for stored in rows:
                name = stored.target.name
                if asked.glob and not asked.glob.fullmatch(name):
                    continue
                cut = name.find(asked.delimiter, len(asked.prefix)) if asked.delimiter else -1
                if cut < 0:
                    yield (name, stored.generation), stored
                    continue
                common = name[: cut + len(asked.delimiter)]
                yield (common, 0), None
                behind = after(common)
                place = (behind, 0) if behind and (not asked.end or behind < asked.end) else None
                break


def after(prefix: str) -> str:
    """Return the first name behind all that begin with a prefix; empty if there is none."""
    cut = prefix.rstrip(chr(LAST_CHARACTER))
    if not cut:
        return ""
    following = ord(cut[-1]) + 1
    return cut[:-1] + chr(0xE000 if 0xD800 <= following <= 0xDFFF else following)


def pattern_of(glob: str) -> re.Pattern[str]:
    """Return what a glob matches: https://cloud.google.com/storage/docs/json_api/v1/objects/list#list-objects-and-prefixes-using-glob."""
    return re.compile("".join(_translated(sign) for sign in GLOB.findall(glob)), re.DOTALL)


def _translated(sign: str) -> str:
    if sign == "**":
        return ".*"
    if sign == "*":
        return "[^/]*"
    if sign == "?":
        return "[^/]"
    if sign[0] == "[" and len(sign) > 1:
        inside = sign[1:-1].replace("\\", "\\\\").replace("[", "\\[")
        return f"[^{inside[1:]}]" if inside.startswith("!") else f"[{inside}]"
    if sign[0] == "{" and len(sign) > 1:
        return "(?:" + "|".join(pattern_of(part).pattern for part in sign[1:-1].split(",")) + ")"
    return re.escape(sign)


def _limit(text: str | None) -> int:
    if text is not None and not (text.isascii() and text.isdigit()):
        raise ApiError(400, f"Invalid value for maxResults: {text!r}; it takes a whole number.")
    return min(int(text or 0) or MOST_ON_A_PAGE, MOST_ON_A_PAGE)


def _place_in(token: str) -> Place:
    try:
        name, _, generation = base64.urlsafe_b64decode(token).decode().rpartition(BEFORE_GENERATION)
        return name, int(generation)
    except (binascii.Error, ValueError) as error:
        raise ApiError(
            400, f"Invalid value for pageToken: {token!r}; take nextPageToken of the page before."
        ) from error
