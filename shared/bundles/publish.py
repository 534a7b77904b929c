"""Publish a bundle to a bucket, once: a published version never changes, and is complete as soon as it is visible.

Files are only created, never replaced, and the manifest comes last: a version without a manifest is ignored. So a
publish that stopped halfway resumes when it is run again, and a repeated publish changes nothing.
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
    """The bundle cannot be published. The message is a sentence for the user who tried."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a publication: one file is in the bucket now."""

    uri: str
    is_new: bool
    """False where an object with the same bytes existed already."""


class Publication:
    """A publication of one bundle to ``gs://bucket/NAME/VERSION/``.

    Args:
        store: the object store of the bucket.
        bucket: the bucket's name.
        bundle: the bundle, read and checked.

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
        """The files' names in the bundle, in the order of their upload."""

    @property
    def uri(self) -> str:
        """The URI of the published bundle."""
        return f"gs://{self._bucket}/{self._folder}"

    def steps(self) -> Iterator[Step]:
        """Upload the files one after the other. Repeatable.

        Raises:
            NotPublished: another bundle has this name and version, or the bucket does not exist.
            StorageUnavailable: no answer within the deadline; the uploaded files stay, and a repeat resumes.
        """
        if self._has_bytes(MANIFEST, (self._bundle.folder / MANIFEST).read_bytes()) is False:
            raise NotPublished(
                f"{self.uri} holds another bundle already, and a published version never changes. Give this bundle "
                "another version in manifest.json."
            )
        for name in self.files:
            yield self._put(name)

    def _put(self, name: str) -> Step:
        content, object_name = (self._bundle.folder / name).read_bytes(), f"{self._folder}/{name}"
        uri = f"gs://{self._bucket}/{object_name}"
        is_same = self._has_bytes(name, content)
        is_new = is_same is None
        if is_same is None:
            content_type = CONTENT_TYPES.get(Path(name).suffix, "application/octet-stream")
            try:
                self._store.write_once(self._bucket, object_name, content, content_type)
            except NameTaken:
                is_same = False  # another publish was faster
        if is_same is False:
            raise NotPublished(
                f"{uri} has other bytes, from an unfinished publish or from another bundle. Remove the files in "
                f"{self.uri}, or give this bundle another version."
            )
        return Step(uri, is_new)

    def _has_bytes(self, name: str, content: bytes) -> bool | None:
        """Return whether the object of a name has these bytes; None if there is none. Other sizes are not read."""
        try:
            upload = self._store.find(self._bucket, f"{self._folder}/{name}")
            return upload.size_bytes == len(content) and self._store.read(upload.ref, len(content)) == content
        except AlreadyDone:
            return None


def _files(bundle: Bundle) -> Iterator[str]:
    for name in bundle.manifest.files:
        path = bundle.folder / name
        inside = (file for file in path.rglob("*") if file.is_file()) if path.is_dir() else (path,)
        yield from (file.relative_to(bundle.folder).as_posix() for file in inside)
