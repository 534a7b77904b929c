"""Requests on buckets. Versioning is applied; all other settings are only stored and returned."""

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
READ_ONLY = (
    "kind",
    "id",
    "selfLink",
    "name",
    "projectNumber",
    "metageneration",
    "etag",
    "timeCreated",
    "updated",
    "acl",
)
"""Fields that clients cannot set."""


async def create_bucket(request: web.Request, _route: Route, store: Store) -> web.StreamResponse:
    """Create a bucket; 409 if it exists."""
    document = await json_in(request)
    name = str(document.get("name") or "")
    check_bucket(name)
    new = new_bucket(name, _settings(document))

    def change(transaction: Transaction) -> None:
        try:
            transaction.db.execute("INSERT INTO buckets VALUES (?, ?)", (name, json.dumps(new)))
        except sqlite3.IntegrityError as error:
            raise ApiError(409, f"The bucket {name} already exists.") from error

    await store.write(change)
    return _shown(request, new)


async def read_bucket(request: web.Request, route: Route, store: Store) -> web.StreamResponse:
    """Answer with a bucket's metadata."""
    return _shown(request, bucket_of(store.db, route.bucket))


async def list_buckets(request: web.Request, _route: Route, store: Store) -> web.StreamResponse:
    """Answer with the metadata of all buckets, or of those with a prefix, on one page."""
    prefix = request.query.get("prefix", "")
    rows = store.db.execute("SELECT name, resource FROM buckets ORDER BY name").fetchall()
    matches = [json.loads(resource) for name, resource in rows if name.startswith(prefix)]
    return web.json_response({"kind": "storage#buckets", "items": [_resource(request, bucket) for bucket in matches]})


async def change_bucket(request: web.Request, route: Route, store: Store) -> web.StreamResponse:
    """Change a bucket's metadata: PATCH merges, PUT replaces."""
    document = _settings(await json_in(request), keeps_nulls=request.method != "PUT")

    def change(transaction: Transaction) -> Resource:
        old = bucket_of(transaction.db, route.bucket)
        base = {name: old[name] for name in READ_ONLY if name in old} if request.method == "PUT" else old
        new = {**new_bucket(old["name"], {}), **_merged(base, document)}
        new |= {"metageneration": str(int(old["metageneration"]) + 1), "updated": timestamp(time.time_ns() // 1000)}
        transaction.db.execute("UPDATE buckets SET resource = ? WHERE name = ?", (json.dumps(new), route.bucket))
        return new

    return _shown(request, await store.write(change))


async def read_folders(request: web.Request, route: Route, store: Store) -> web.StreamResponse:
    """Answer that a bucket has flat names and no managed folders, which ``gcloud storage rm -r`` queries."""
    bucket = bucket_of(store.db, route.bucket)
    if request.path.endswith("/managedFolders"):
        return web.json_response({"kind": "storage#managedFolders", "items": []})
    facts = {name: bucket[name] for name in ("location", "locationType")}
    flat = {"kind": "storage#storageLayout", "bucket": route.bucket, "hierarchicalNamespace": {"enabled": False}}
    return web.json_response({**flat, **facts})


async def delete_bucket(_request: web.Request, route: Route, store: Store) -> web.StreamResponse:
    """Delete an empty bucket; 409 if it has objects or old versions."""

    def change(transaction: Transaction) -> bool:
        bucket_of(transaction.db, route.bucket)
        if transaction.db.execute("SELECT 1 FROM objects WHERE bucket = ? LIMIT 1", (route.bucket,)).fetchone():
            return False
        transaction.db.execute("DELETE FROM buckets WHERE name = ?", (route.bucket,))
        return True

    if not await store.write(change):
        return error_answer(409, "The bucket you tried to delete is not empty.")
    return web.Response(status=204)


def new_bucket(name: str, settings: Resource) -> Resource:
    """Return the stored resource of a new bucket with a client's settings."""
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
        **settings,
    }


def _settings(document: Resource, *, keeps_nulls: bool = False) -> Resource:
    versioning = document.get("versioning")
    if versioning is not None and not isinstance(versioning, dict):
        raise ApiError(400, "Invalid value for versioning: expected a JSON object.")
    return {
        name: value for name, value in document.items() if name not in READ_ONLY and (keeps_nulls or value is not None)
    }


def _merged(old: Resource, document: Resource) -> Resource:
    """Return a resource with changes: null removes a field, and labels are changed key by key."""
    merged = dict(old)
    for name, value in document.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict) and isinstance(merged.get(name), dict) and name == "labels":
            merged[name] = _merged(merged[name], value)
        else:
            merged[name] = value
    return merged


def _resource(request: web.Request, bucket: Resource) -> Resource:
    links = {"selfLink": f"{request.url.origin()}/storage/v1/b/{bucket['name']}", "etag": bucket["metageneration"]}
    return {**bucket, **links}


def _shown(request: web.Request, bucket: Resource) -> web.Response:
    return web.json_response(_resource(request, bucket))
