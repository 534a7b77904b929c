"""Read the bundle that a reference names: one that ships, or one in a folder or a bucket.

If the location has several versions of a model, the highest is read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

from shared.bundles.bundle import Bundle, load_bundle, parse_manifest
from shared.bundles.download import BundleDownload
from shared.bundles.folders import bundle_folder
from shared.bundles.manifest import MANIFEST, Manifest
from shared.bundles.model_index import Entry, ModelIndex
from shared.bundles.references import BundleReference, highest_version
from shared.errors import InvalidBundle, StorageUnavailable
from shared.ports import ObjectStore


class BundleSource:
    """A source of bundles: reads and checks the bundle of each reference.

    Args:
        open_store: returns the object store; called only for a reference to a bucket.
        max_bytes: limit on the size of a downloaded bundle's files together.
        own_models: the folder of the user's own bundles.
    """

    def __init__(self, open_store: Callable[[], ObjectStore], max_bytes: int, own_models: Path) -> None:
        self._open_store = open_store
        self._max_bytes = max_bytes
        self._own_models = own_models

    def index(self, references: Iterable[BundleReference]) -> ModelIndex:
        """Read the bundles of all references.

        Raises:
            Misconfigured: with every fault of every bundle, and of their names, versions and aliases.
        """
        entries: list[Entry] = []
        faults: list[str] = []
        for reference in references:
            try:
                entries.append((reference, self.bundle(reference)))
            except InvalidBundle as error:
                faults += [f"the bundle {reference.location}: {fault}" for fault in error.faults]
            except StorageUnavailable as error:
                faults.append(f"the bundle {reference.location}: it cannot be read now. {error}")
        if faults:
            raise InvalidBundle("MODEL_BUNDLE", faults)
        return ModelIndex(entries)

    def bundle(self, reference: BundleReference) -> Bundle:
        """Read the bundle of a reference; if its location has several versions of a model, the highest.

        Raises:
            InvalidBundle: the bundle is missing or incomplete; with every fault.
            StorageUnavailable: the bucket did not answer within the deadline.
        """
        if reference.is_in_a_bucket:
            return BundleDownload(self._open_store(), self._max_bytes).bundle(reference)
        return load_bundle(self._folder(reference))

    def manifest(self, reference: BundleReference) -> tuple[Manifest, str]:
        """Read the manifest of a reference's bundle and return it with its digest; no other file is read or checked.

        Raises:
            InvalidBundle: the manifest is missing or invalid.
            StorageUnavailable: the bucket did not answer within the deadline.
        """
        what = f"the bundle {reference.location}"
        if reference.is_in_a_bucket:
            _, content = BundleDownload(self._open_store(), self._max_bytes).manifest(reference)
        else:
            try:
                content = (self._folder(reference) / MANIFEST).read_bytes()
            except OSError as error:
                raise InvalidBundle(what, [f"{MANIFEST} cannot be read ({error.strerror})"]) from error
        return parse_manifest(content, what), hashlib.sha256(content).hexdigest()

    def _folder(self, reference: BundleReference) -> Path:
        folder = bundle_folder(reference.location, self._own_models)
        return folder if (folder / MANIFEST).exists() else _highest_below(folder)


def with_absolute_paths(references: Iterable[BundleReference], own_models: Path) -> str:
    """Return references as text for ``MODEL_BUNDLE``, with absolute paths, for a process in another folder."""
    return ",".join(
        str(
            reference
            if reference.is_in_a_bucket
            else BundleReference(
                str(bundle_folder(reference.location, own_models).resolve()), reference.name, reference.alias
            )
        )
        for reference in references
    )


def _highest_below(folder: Path) -> Path:
    try:
        versions = [path.name for path in folder.iterdir() if (path / MANIFEST).is_file()]
    except OSError:
        versions = []
    return folder / highest_version(versions) if versions else folder
