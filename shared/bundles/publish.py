"""Puts a bundle into a bucket, once: what lies there under a version never changes, and is whole as soon as it is seen.

Files are only created, never replaced, and the manifest comes last: without it nobody takes a version for one. So a
publish that broke off goes on where it stopped, and one that is repeated changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from shared.bundles.bundle import Bundle
from shared.bundles.manifest import MANIFEST
from shared.bundles.references import NAME
from shared.errors import AlreadyDone, BucketlensError, NameTaken
from shared.ports import ObjectStore

CONTENT_TYPES = {".json": "application/json", ".txt": "text/plain; charset=utf-8"}


class NotPublished(BucketlensError):
    """A bundle cannot be put into the bucket. The message is a sentence for the person who tried."""


@dataclass(frozen=True, slots=True)
class Step:
    """A file that lies in the bucket now."""

    uri: str
    is_new: bool
    """False where the same bytes were there already."""


class Publication:
    """A bundle on its way to ``gs://bucket/NAME/VERSION/``.

    Args:
        store: where the bucket is.
        bucket: its name.
        bundle: read whole.

    Raises:
        NotPublished: its name or its version cannot be the name of a folder.
    """

    def __init__(self, store: ObjectStore, bucket: str, bundle: Bundle) -> None:
        self._store, self._bucket, self._bundle = store, bucket, bundle
        manifest = bundle.manifest
        for what, value in (("name", manifest.name), ("version", manifest.version)):
            if not NAME.fullmatch(value):
                raise NotPublished(
                    f"The bundle's {what} is {value!r}, expected letters, digits, dots, dashes and underscores: it "
                    "becomes a folder of the bucket. Change it in manifest.json."
                )
        self._folder = f"{manifest.name}/{manifest.version}"
        self.files = (*sorted(_files(bundle)), MANIFEST)
        """Names inside the bundle, in the order in which they are uploaded."""

    @property
    def uri(self) -> str:
        """Where the bundle lies when all is done."""
        return f"gs://{self._bucket}/{self._folder}"

    def steps(self) -> Iterator[Step]:
        """Upload one file after the other. Repeatable.

        Raises:
            NotPublished: there is another content under this name and version, or no such bucket.
            StorageUnavailable: no answer within the deadline; what was uploaded stays, and a repeat goes on.
        """
        if self._is_there(MANIFEST, (self._bundle.folder / MANIFEST).read_bytes()) is False:
            raise NotPublished(
                f"{self.uri} is another bundle already, and a version that is published never changes. Give this one "
                "another version in manifest.json."
            )
        for name in self.files:
            yield self._put(name)

    def _put(self, name: str) -> Step:
        content, object_name = (self._bundle.folder / name).read_bytes(), f"{self._folder}/{name}"
        uri = f"gs://{self._bucket}/{object_name}"
        is_there = self._is_there(name, content)
        is_new = is_there is None
        if is_there is None:
            content_type = CONTENT_TYPES.get(Path(name).suffix, "application/octet-stream")
            try:
                self._store.write_once(self._bucket, object_name, content, content_type)
            except NameTaken:
                is_there = False  # somebody was quicker
        if is_there is False:
            raise NotPublished(
                f"{uri} holds something else, of a publish that broke off or of another bundle. Remove what lies in "
                f"{self.uri}, or give this bundle another version."
            )
        return Step(uri, is_new)

    def _is_there(self, name: str, content: bytes) -> bool | None:
        """Return whether an object holds these bytes, or None if there is no object; of another size it is not read."""
        try:
            found = self._store.find(self._bucket, f"{self._folder}/{name}")
            return found.size_bytes == len(content) and self._store.read(found.ref, len(content)) == content
        except AlreadyDone:
            return None


def _files(bundle: Bundle) -> Iterator[str]:
    for name in bundle.manifest.files:
        path = bundle.folder / name
        inside = (file for file in path.rglob("*") if file.is_file()) if path.is_dir() else (path,)
        yield from (file.relative_to(bundle.folder).as_posix() for file in inside)
