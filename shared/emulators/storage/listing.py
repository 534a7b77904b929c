"""Listings of objects: at most 1,000 on a page, optionally with versions that are no longer live.

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
"""Separator in page tokens, between the next name and its generation; no name contains it."""
GLOB = re.compile(r"\*\*|\*|\?|\[!?[^\]]+\]|\{[^{}]*\}|.", re.DOTALL)

Position = tuple[str, int]
"""A position in a listing: name and generation."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The parameters of a listing."""

    bucket: str
    prefix: str
    delimiter: str
    start: Position
    end: str
    glob: re.Pattern[str] | None
    has_versions: bool


async def list_objects(request: web.Request, route: Route, store: Store) -> web.StreamResponse:
    """Answer with one page of a bucket's objects."""
    index.bucket_of(store.db, route.bucket)
    listing, limit = _listing_from(request, route.bucket or ""), _limit(request.query.get("maxResults"))
    items: list[dict[str, Any]] = []
    prefixes: list[str] = []
    following, url = None, str(request.url.origin())
    with closing(_entries(store, listing)) as entries:
        for position, stored in entries:
            if len(items) + len(prefixes) == limit:
                following = position
                break
            if stored is None:
                prefixes.append(position[0])
            else:
                items.append(stored.resource(url))
    answer: dict[str, Any] = {"kind": "storage#objects", "items": items, "prefixes": prefixes}
    if following:
        token = base64.urlsafe_b64encode(f"{following[0]}{BEFORE_GENERATION}{following[1]}".encode())
        answer["nextPageToken"] = token.decode()
    return web.json_response({name: value for name, value in answer.items() if value != [] or name == "items"})


def _listing_from(request: web.Request, bucket: str) -> Listing:
    query = request.query
    prefix, start, end = query.get("prefix", ""), query.get("startOffset", ""), query.get("endOffset", "")
    token = _position_from(query["pageToken"]) if query.get("pageToken") else ("", 0)
    ends = [name for name in (end, after(prefix)) if name]
    return Listing(
        bucket,
        prefix,
        query.get("delimiter", ""),
        max(token, (max(prefix, start), 0)),
        min(ends) if ends else "",
        pattern_of(query["matchGlob"]) if query.get("matchGlob") else None,
        query.get("versions", "").lower() == "true",
    )


def _entries(store: Store, listing: Listing) -> Generator[tuple[Position, Stored | None]]:
    """Yield objects, and None at the position of each prefix: the common part of names up to a delimiter."""
    position: Position | None = listing.start
    while position is not None:
        start, position = position, None
        with closing(
            index.objects_from(store.db, listing.bucket, start, listing.end, versions=listing.has_versions)
        ) as rows:
            for stored in rows:
                name = stored.target.name
                if listing.glob and not listing.glob.fullmatch(name):
                    continue
                cut = name.find(listing.delimiter, len(listing.prefix)) if listing.delimiter else -1
                if cut < 0:
                    yield (name, stored.generation), stored
                    continue
                common = name[: cut + len(listing.delimiter)]
                yield (common, 0), None
                next_name = after(common)
                position = (next_name, 0) if next_name and (not listing.end or next_name < listing.end) else None
                break


def after(prefix: str) -> str:
    """Return the first name after all names with a prefix; empty if there is none."""
    cut = prefix.rstrip(chr(LAST_CHARACTER))
    if not cut:
        return ""
    following = ord(cut[-1]) + 1
    return cut[:-1] + chr(0xE000 if 0xD800 <= following <= 0xDFFF else following)


def pattern_of(glob: str) -> re.Pattern[str]:
    """Return the pattern of a glob: https://cloud.google.com/storage/docs/json_api/v1/objects/list#list-objects-and-prefixes-using-glob."""
    return re.compile("".join(_translated(wildcard) for wildcard in GLOB.findall(glob)), re.DOTALL)


def _translated(wildcard: str) -> str:
    if wildcard == "**":
        return ".*"
    if wildcard == "*":
        return "[^/]*"
    if wildcard == "?":
        return "[^/]"
    if wildcard[0] == "[" and len(wildcard) > 1:
        inside = wildcard[1:-1].replace("\\", "\\\\").replace("[", "\\[")
        return f"[^{inside[1:]}]" if inside.startswith("!") else f"[{inside}]"
    if wildcard[0] == "{" and len(wildcard) > 1:
        return "(?:" + "|".join(pattern_of(part).pattern for part in wildcard[1:-1].split(",")) + ")"
    return re.escape(wildcard)


def _limit(text: str | None) -> int:
    if text is not None and not (text.isascii() and text.isdigit()):
        raise ApiError(400, f"Invalid value for maxResults: {text!r}; expected a whole number.")
    return min(int(text or 0) or MOST_ON_A_PAGE, MOST_ON_A_PAGE)


def _position_from(token: str) -> Position:
    try:
        name, _, generation = base64.urlsafe_b64decode(token).decode().rpartition(BEFORE_GENERATION)
        return name, int(generation)
    except (binascii.Error, ValueError) as error:
        raise ApiError(
            400, f"Invalid value for pageToken: {token!r}; use nextPageToken of the previous page."
        ) from error
