"""Requests on buckets. Of what they can be told, keeping versions is done; the rest is kept and shown, and not done."""

from __future__ import annotations

import json
import sqlite3
import time
from typing import Any

from aiohttp import web

from shared.emulators.storage.bodies import json_in
from shared.emulators.storage.errors import ApiError, error_answer
from shared.emulators.storage.index import bucket_of
from shared.emulators.storage.names import check_bucket
from shared.emulators.storage.routes import Route
from shared.emulators.storage.store import Store
from shared.emulators.storage.stored import timestamp
from shared.emulators.storage.writer import Transaction

Resource = dict[str, Any]
OURS = ("kind", "id", "selfLink", "name", "projectNumber", "metageneration", "etag", "timeCreated", "updated", "acl")
"""What no client decides."""


async def create_bucket(request: web.Request, _route: Route, store: Store) -> web.StreamResponse:
    """Create a bucket; 409 if there is one."""
    wanted = await json_in(request)
    name = str(wanted.get("name") or "")
    check_bucket(name)
    new = new_bucket(name, _wishes(wanted))

    def change(transaction: Transaction) -> None:
        try:
            transaction.db.execute("INSERT INTO buckets VALUES (?, ?)", (name, json.dumps(new)))
        except sqlite3.IntegrityError as error:
            raise ApiError(409, f"The bucket {name} exists already.") from error

    await store.write(change)
    return _shown(request, new)


async def read_bucket(request: web.Request, route: Route, store: Store) -> web.StreamResponse:
    """Answer a bucket's metadata."""
    return _shown(request, bucket_of(store.db, route.bucket))


async def list_buckets(request: web.Request, _route: Route, store: Store) -> web.StreamResponse:
    """Answer the metadata of all buckets, or of those whose names have a prefix, on one page."""
    prefix = request.query.get("prefix", "")
    rows = store.db.execute("SELECT name, resource FROM buckets ORDER BY name").fetchall()
    found = [json.loads(resource) for name, resource in rows if name.startswith(prefix)]
    return web.json_response({"kind": "storage#buckets", "items": [_resource(request, bucket) for bucket in found]})


async def change_bucket(request: web.Request, route: Route, store: Store) -> web.StreamResponse:
    """Change what is said of a bucket: PATCH merges, PUT replaces."""
    wanted = _wishes(await json_in(request), keeps_nulls=request.method != "PUT")

    def change(transaction: Transaction) -> Resource:
        old = bucket_of(transaction.db, route.bucket)
        base = {name: old[name] for name in OURS if name in old} if request.method == "PUT" else old
        news = {**new_bucket(old["name"], {}), **_merged(base, wanted)}
        news |= {"metageneration": str(int(old["metageneration"]) + 1), "updated": timestamp(time.time_ns() // 1000)}
        transaction.db.execute("UPDATE buckets SET resource = ? WHERE name = ?", (json.dumps(news), route.bucket))
        return news

    return _shown(request, await store.write(change))


async def tell_of_folders(request: web.Request, route: Route, store: Store) -> web.StreamResponse:
    """Answer that a bucket's names are flat and that it has no managed folders; ``gcloud storage rm -r`` asks."""
    bucket = bucket_of(store.db, route.bucket)
    if request.path.endswith("/managedFolders"):
        return web.json_response({"kind": "storage#managedFolders", "items": []})
    facts = {name: bucket[name] for name in ("location", "locationType")}
    flat = {"kind": "storage#storageLayout", "bucket": route.bucket, "hierarchicalNamespace": {"enabled": False}}
    return web.json_response({**flat, **facts})


async def delete_bucket(_request: web.Request, route: Route, store: Store) -> web.StreamResponse:
    """Delete an empty bucket; 409 if it has objects or versions of some."""

    def change(transaction: Transaction) -> bool:
        bucket_of(transaction.db, route.bucket)
        if transaction.db.execute("SELECT 1 FROM objects WHERE bucket = ? LIMIT 1", (route.bucket,)).fetchone():
            return False
        transaction.db.execute("DELETE FROM buckets WHERE name = ?", (route.bucket,))
        return True

    if not await store.write(change):
        return error_answer(409, "The bucket you tried to delete is not empty.")
    return web.Response(status=204)


def new_bucket(name: str, wishes: Resource) -> Resource:
    """Return what is kept of a new bucket."""
    now = timestamp(time.time_ns() // 1000)
    return {
        "kind": "storage#bucket",
        "id": name,
        "name": name,
        "projectNumber": "0",
        "metageneration": "1",
        "location": "US-CENTRAL1",
        "locationType": "region",
        "storageClass": "STANDARD",
        "versioning": {"enabled": False},
        "timeCreated": now,
        "updated": now,
        **wishes,
    }


def _wishes(wanted: Resource, *, keeps_nulls: bool = False) -> Resource:
    versioning = wanted.get("versioning")
    if versioning is not None and not isinstance(versioning, dict):
        raise ApiError(400, "Invalid value for versioning: it takes a JSON object.")
    return {name: value for name, value in wanted.items() if name not in OURS and (keeps_nulls or value is not None)}


def _merged(old: Resource, wanted: Resource) -> Resource:
    """Change what is named; null removes, and objects are changed key by key."""
    news = dict(old)
    for name, value in wanted.items():
        if value is None:
            news.pop(name, None)
        elif isinstance(value, dict) and isinstance(news.get(name), dict) and name == "labels":
            news[name] = _merged(news[name], value)
        else:
            news[name] = value
    return news


def _resource(request: web.Request, bucket: Resource) -> Resource:
    links = {"selfLink": f"{request.url.origin()}/storage/v1/b/{bucket['name']}", "etag": bucket["metageneration"]}
    return {**bucket, **links}


def _shown(request: web.Request, bucket: Resource) -> web.Response:
    return web.json_response(_resource(request, bucket))
