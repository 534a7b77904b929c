"""Download bundles from a bucket: copy them into a private folder of this machine and check them there."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path, PurePosixPath

from shared.bundles.bundle import Bundle, load_bundle, parse_manifest
from shared.bundles.manifest import MANIFEST, Manifest
from shared.bundles.references import BundleReference, highest_version
from shared.errors import AlreadyDone, InvalidBundle, Misconfigured, TooManyBytes
from shared.ports import ObjectStore
from shared.types import ObjectRef, Upload

MAX_MANIFEST_BYTES = 1 << 20
KEPT_S = 600
"""The age at which the next download removes a copy; models are opened soon after their bundle is read."""


class BundleDownload:
    """Downloads of bundles.

    Args:
        store: the object store of the bundles.
        max_bytes: limit on the size of a bundle's files together; they pass through memory.
    """

    def __init__(self, store: ObjectStore, max_bytes: int) -> None:
        self._store = store
        self._max_bytes = max_bytes

    def bundle(self, reference: BundleReference) -> Bundle:
        """Copy a bundle from its bucket, and return the copy after checking it. Earlier copies are never reused.

        Args:
            reference: ``gs://bucket/folder``. The folder holds one bundle, or several versions of a model, of which
                the highest is read. A version without a manifest is not complete, and is ignored.

        Raises:
            InvalidBundle: the bundle is missing or incomplete; with every fault.
            StorageUnavailable: no answer within the deadline.
        """
        what = f"the bundle {reference.location}"
        manifest, content = self.manifest(reference)
        files = self._files(manifest, parse_manifest(content, what), what)
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

    def manifest(self, reference: BundleReference) -> tuple[ObjectRef, bytes]:
        """Return the manifest of a bundle in a bucket, and its bytes; no other file is read.

        Args:
            reference: as in ``bundle``.

        Raises:
            InvalidBundle: there is no manifest, or it is too large.
            StorageUnavailable: no answer within the deadline.
        """
        what = f"the bundle {reference.location}"
        bucket, folder = reference.bucket_and_folder
        manifest = self._manifest(bucket, folder) or self._manifest_below(bucket, folder)
        if manifest is None:
            raise InvalidBundle(what, [f"neither it nor a folder in it holds a {MANIFEST}"])
        if manifest.size_bytes > MAX_MANIFEST_BYTES:
            faults = [f"{manifest.ref.uri} has {manifest.size_bytes:,} bytes, expected at most {MAX_MANIFEST_BYTES:,}"]
            raise InvalidBundle(what, faults)
        try:
            return manifest.ref, self._store.read(manifest.ref, MAX_MANIFEST_BYTES)
        except (AlreadyDone, TooManyBytes) as error:
            raise InvalidBundle(what, [f"{manifest.ref.uri} was replaced while it was read"]) from error

    def _manifest(self, bucket: str, folder: str) -> Upload | None:
        with suppress(AlreadyDone):
            return self._store.find(bucket, f"{folder}/{MANIFEST}")
        return None

    def _manifest_below(self, bucket: str, folder: str) -> Upload | None:
        versions = set()
        with suppress(AlreadyDone):  # the bucket does not exist
            for upload in self._store.uploads(bucket, f"{folder}/"):
                version, _, name = upload.ref.name.removeprefix(f"{folder}/").partition("/")
                if name == MANIFEST:
                    versions.add(version)
        while versions:
            version = highest_version(versions)
            if manifest := self._manifest(bucket, f"{folder}/{version}"):
                return manifest
            versions.remove(version)  # a bucket that keeps versions also lists deleted objects
        return None

    def _copy(self, upload: Upload, path: Path) -> None:
        try:
            content = self._store.read(upload.ref, upload.size_bytes)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except (AlreadyDone, TooManyBytes) as error:
            raise InvalidBundle(upload.ref.uri, [f"{path.name} was replaced while it was read"]) from error
        except OSError as error:  # the name is too long, or names both a file and a folder; or the disk is full
            raise InvalidBundle(upload.ref.uri, [f"{path.name[:200]} cannot be written ({error.strerror})"]) from error

    def _files(self, manifest_ref: ObjectRef, manifest: Manifest, what: str) -> dict[str, Upload]:
        """Find all files of a bundle, by their names in it, before any of them is read."""
        prefix, faults = manifest_ref.name.removesuffix(MANIFEST), []
        files: dict[str, Upload] = {}
        for name in manifest.files:
            if not _stays_inside(name):
                faults.append(f"files names {name[:200]!r}, which is outside the bundle")
            elif uploads := self._file_or_folder(manifest_ref.bucket, prefix, name):
                files |= uploads
            else:
                faults.append(f"{name[:200]} is missing")
        size = sum(upload.size_bytes for upload in files.values())
        if size > self._max_bytes:
            faults.append(f"its files have {size:,} bytes, expected at most {self._max_bytes:,}: half of MEMORY_MB")
        if faults:
            raise InvalidBundle(what, faults)
        return files

    def _file_or_folder(self, bucket: str, prefix: str, name: str) -> dict[str, Upload]:
        """Return a file by its name, or the files of a folder, as a SavedModel is; empty if neither exists."""
        with suppress(AlreadyDone):
            return {name: self._store.find(bucket, prefix + name)}
        files = {}
        for inside in sorted({upload.ref.name for upload in self._store.uploads(bucket, f"{prefix}{name}/")}):
            relative = inside.removeprefix(prefix)
            if _stays_inside(relative):
                with suppress(AlreadyDone):
                    files[relative] = self._store.find(bucket, inside)
        return files


def _stays_inside(name: str) -> bool:
    """Return whether a name is of a file inside a bundle, and not of its folder, its manifest or a file outside."""
    path = PurePosixPath(name)
    is_plain = str(path) == name and "\\" not in name and "\0" not in name
    return is_plain and not path.is_absolute() and ".." not in path.parts and name not in (".", "", MANIFEST)


def _private_folder() -> Path:
    """Return the folder of copies, which only this user can open, after removing old copies.

    Raises:
        Misconfigured: another user can open the folder of that name, or it is not a folder.
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
