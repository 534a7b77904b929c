"""Bundles in a bucket: copied into a private folder of this machine, and checked there."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path, PurePosixPath

from shared.bundles.bundle import Bundle, load_bundle, parsed_manifest
from shared.bundles.manifest import MANIFEST, Manifest
from shared.bundles.references import Place, highest
from shared.errors import AlreadyDone, InvalidBundle, Misconfigured, TooManyBytes
from shared.ports import ObjectStore
from shared.types import ObjectRef, Upload

MAX_MANIFEST_BYTES = 1 << 20
KEPT_S = 600
"""Copies that are older are removed by the next download; models are opened soon after their bundle is read."""


class BundleDownload:
    """Downloads bundles.

    Args:
        store: where they lie.
        max_bytes: how large the files of one may be together; they pass through memory.
    """

    def __init__(self, store: ObjectStore, max_bytes: int) -> None:
        self._store = store
        self._max_bytes = max_bytes

    def bundle(self, place: Place) -> Bundle:
        """Copy a bundle, and return the copy, checked whole. No earlier copy is believed, only the bucket.

        Args:
            place: ``gs://bucket/folder``, of one version or of a model's versions, of which the highest is meant; one
                without a manifest is not there yet.

        Raises:
            InvalidBundle: there is none, or it is not whole; naming every fault.
            StorageUnavailable: no answer within the deadline.
        """
        what = f"the bundle {place.where}"
        bucket, folder = place.bucket_and_folder
        found = self._manifest(bucket, folder) or self._manifest_below(bucket, folder)
        if found is None:
            raise InvalidBundle(what, [f"there is no {MANIFEST} in it, and none in a folder of it"])
        if found.size_bytes > MAX_MANIFEST_BYTES:
            faults = [f"{found.ref.uri} has {found.size_bytes:,} bytes, expected at most {MAX_MANIFEST_BYTES:,}"]
            raise InvalidBundle(what, faults)
        try:
            content = self._store.read(found.ref, MAX_MANIFEST_BYTES)
        except (AlreadyDone, TooManyBytes) as error:
            raise InvalidBundle(what, [f"{found.ref.uri} was replaced while it was read"]) from error
        files = self._files(found.ref, parsed_manifest(content, what), what)
        copy = Path(tempfile.mkdtemp(dir=_private_folder()))
        try:
            (copy / MANIFEST).write_bytes(content)
            for name, upload in files.items():
                self._copy(upload, copy / name)
            return load_bundle(copy)
        except BaseException as error:
            shutil.rmtree(copy, ignore_errors=True)
            if isinstance(error, InvalidBundle):
                raise InvalidBundle(what, error.faults) from error
            raise

    def _manifest(self, bucket: str, folder: str) -> Upload | None:
        with suppress(AlreadyDone):
            return self._store.find(bucket, f"{folder}/{MANIFEST}")
        return None

    def _manifest_below(self, bucket: str, folder: str) -> Upload | None:
        versions = set()
        with suppress(AlreadyDone):  # no such bucket
            for upload in self._store.uploads(bucket, f"{folder}/"):
                version, _, name = upload.ref.name.removeprefix(f"{folder}/").partition("/")
                if name == MANIFEST:
                    versions.add(version)
        while versions:
            version = highest(versions)
            if found := self._manifest(bucket, f"{folder}/{version}"):
                return found
            versions.remove(version)  # a bucket that keeps versions also lists what was deleted
        return None

    def _copy(self, upload: Upload, path: Path) -> None:
        try:
            content = self._store.read(upload.ref, upload.size_bytes)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except (AlreadyDone, TooManyBytes) as error:
            raise InvalidBundle(upload.ref.uri, [f"{path.name} was replaced while it was read"]) from error
        except OSError as error:  # a name that is too long, or of a file and a folder; or the disk is full
            raise InvalidBundle(upload.ref.uri, [f"{path.name[:200]} cannot be written ({error.strerror})"]) from error

    def _files(self, manifest_ref: ObjectRef, manifest: Manifest, what: str) -> dict[str, Upload]:
        """Find what is to be read, by its name in the bundle, before any of it is."""
        above, faults = manifest_ref.name.removesuffix(MANIFEST), []
        files: dict[str, Upload] = {}
        for name in manifest.files:
            if not _stays_inside(name):
                faults.append(f"files names {name[:200]!r}, which is outside the bundle")
            elif found := self._file_or_folder(manifest_ref.bucket, above, name):
                files |= found
            else:
                faults.append(f"{name[:200]} is missing")
        size = sum(upload.size_bytes for upload in files.values())
        if size > self._max_bytes:
            faults.append(f"its files have {size:,} bytes, expected at most {self._max_bytes:,}: half of MEMORY_MB")
        if faults:
            raise InvalidBundle(what, faults)
        return files

    def _file_or_folder(self, bucket: str, above: str, name: str) -> dict[str, Upload]:
        """Return a file by its name, or the files of a folder, as a SavedModel is; nothing if neither is there."""
        with suppress(AlreadyDone):
            return {name: self._store.find(bucket, above + name)}
        found = {}
        for inside in sorted({upload.ref.name for upload in self._store.uploads(bucket, f"{above}{name}/")}):
            relative = inside.removeprefix(above)
            if _stays_inside(relative):
                with suppress(AlreadyDone):
                    found[relative] = self._store.find(bucket, inside)
        return found


def _stays_inside(name: str) -> bool:
    """Return whether a name is that of a file in a folder, and not of the folder, its manifest or a place elsewhere."""
    path = PurePosixPath(name)
    is_plain = str(path) == name and "\\" not in name and "\0" not in name
    return is_plain and not path.is_absolute() and ".." not in path.parts and name not in (".", "", MANIFEST)


def _private_folder() -> Path:
    """Return the folder of copies, which is nobody else's, without those that are old.

    Raises:
        Misconfigured: somebody else made a folder of its name.
    """
    folder = Path(tempfile.gettempdir()) / f"bucketlens-{os.getuid()}"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    status = folder.lstat()
    if status.st_uid != os.getuid() or status.st_mode & 0o170077 != 0o040000:
        raise Misconfigured(str(folder), ["it is not a folder that only this user can open; remove it"])
    for path in folder.iterdir():
        with suppress(OSError):
            if path.stat().st_mtime < time.time() - KEPT_S:
                shutil.rmtree(path, ignore_errors=True)
    return folder
