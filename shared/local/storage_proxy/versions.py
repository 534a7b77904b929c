"""The versions of objects that are no longer live, which fake-gcs-server's files cannot keep.

The version of ``photo`` in ``uploads`` that was written at 1795270797044628 lies in a hidden bucket of the store, as
``kept/uploads/photo/1795270797044628``. It is copied there before it is overwritten or deleted. While it is still
live, the copy does not count. So a kill at any moment loses no version and shows none twice.
https://cloud.google.com/storage/docs/object-versioning
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from shared.local.storage_proxy.names import HIDDEN_BUCKET, ObjectName
from shared.local.storage_proxy.refusals import Refused
from shared.local.storage_proxy.upstream import Upstream

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Versions:
    """Which buckets keep versions, and those that they keep. Hold the object's lock around all that names one."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._known: dict[str, bool] = {}

    async def are_kept_in(self, bucket: str) -> bool:
        """Tell whether a bucket keeps the versions that are overwritten from now on."""
        if bucket not in self._known:
            self._known[bucket] = await self._upstream.live(_mark_of(bucket)) is not None
        return self._known[bucket]

    async def set_kept_in(self, bucket: str, wanted: bool) -> None:
        """Make a bucket keep versions, or stop; those that it has stay. The store remembers, whoever is killed."""
        if wanted == await self.are_kept_in(bucket):
            return
        mark = _mark_of(bucket)
        if wanted:
            await self._done("POST", "/storage/v1/b?project=local", json.dumps({"name": HIDDEN_BUCKET}), accepted=409)
            path = f"/upload/storage/v1/b/{HIDDEN_BUCKET}/o?uploadType=media&name={quote(mark.name, safe='')}"
            await self._done("POST", path, "")
        else:
            await self._done("DELETE", path_of(mark), accepted=404)
        self._known[bucket] = wanted

    async def keep(self, target: ObjectName, generation: int) -> None:
        """Copy the live version aside, before it is overwritten or deleted; done again, it changes nothing."""
        await self._done("POST", f"{path_of(target)}/rewriteTo{_below_b(kept_name(target, generation))}")

    async def has(self, target: ObjectName, generation: int) -> bool:
        """Tell whether a version that is not live is kept."""
        return await self._upstream.live(kept_name(target, generation)) is not None

    async def drop(self, target: ObjectName, generation: int) -> None:
        """Forget a version for good; one that is not kept is no error."""
        await self._done("DELETE", path_of(kept_name(target, generation)), accepted=404)

    async def of(self, bucket: str, prefix: str = "") -> list[dict[str, Any]]:
        """Return the metadata of the versions that are kept, in no order; a live one may be among them."""
        path = f"/storage/v1/b/{HIDDEN_BUCKET}"
        async with self._upstream.request(
            "GET", f"{path}/o?prefix={quote(_folder(bucket) + prefix, safe='')}"
        ) as answer:
            if answer.status == 200:
                found = json.loads(await self._upstream.read(answer))
                return [as_version(resource) for resource in found.get("items", [])]
        async with self._upstream.request("GET", path) as answer:
            if answer.status == 404:
                return []  # no bucket has ever kept versions
        raise Refused(503, f"The object store cannot list the versions that {bucket} keeps; start it anew.")

    async def _done(self, method: str, path: str, body: str = "", accepted: int = 200) -> None:
        async with self._upstream.request(method, path, data=body.encode()) as answer:
            if answer.status not in (200, 204, accepted):
                raise Refused(503, f"The object store answered {answer.status} to {method} {path}, so nothing changed.")


def kept_name(target: ObjectName, generation: int) -> ObjectName:
    """Return under which name the store keeps a version."""
    return ObjectName(HIDDEN_BUCKET, f"{_folder(target.bucket)}{target.name}/{generation}")


def path_of(target: ObjectName) -> str:
    """Return the JSON API's path of an object, percent-encoded."""
    return "/storage/v1" + _below_b(target)


def as_version(resource: dict[str, Any]) -> dict[str, Any]:
    """Turn the metadata of a copy that is kept into that of the version it was made of."""
    _, bucket, rest = resource["name"].split("/", 2)
    name, _, generation = rest.rpartition("/")
    written = _timestamp(int(generation))
    times = {"timeCreated": written, "updated": written, "timeDeleted": resource["timeCreated"]}
    return {**resource, "bucket": bucket, "name": name, "generation": generation, **times}


def _mark_of(bucket: str) -> ObjectName:
    return ObjectName(HIDDEN_BUCKET, f"enabled/{bucket}")


def _folder(bucket: str) -> str:
    return f"kept/{bucket}/"


def _below_b(target: ObjectName) -> str:
    return f"/b/{quote(target.bucket, safe='')}/o/{quote(target.name, safe='')}"


def _timestamp(generation: int) -> str:
    """A generation counts microseconds since 1970."""
    return (EPOCH + timedelta(microseconds=generation)).isoformat(timespec="microseconds").replace("+00:00", "Z")
