"""Where bundles come from: those that ship, folders, and buckets; and which of a model's versions is meant."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from shared.bundles.bundle import Bundle, load_bundle
from shared.bundles.download import BundleDownload
from shared.bundles.folders import bundle_folder
from shared.bundles.manifest import MANIFEST
from shared.bundles.model_index import Entry, ModelIndex
from shared.bundles.references import Place, highest
from shared.errors import InvalidBundle, StorageUnavailable
from shared.ports import ObjectStore


class BundleSource:
    """Reads the bundles that places mean, whole.

    Args:
        open_store: returns the object store; called when a place is in a bucket.
        max_bytes: how large the files of a downloaded bundle may be together.
        own_models: where the user's own bundles lie.
    """

    def __init__(self, open_store: Callable[[], ObjectStore], max_bytes: int, own_models: Path) -> None:
        self._open_store = open_store
        self._max_bytes = max_bytes
        self._own_models = own_models

    def index(self, places: Iterable[Place]) -> ModelIndex:
        """Read every place.

        Raises:
            Misconfigured: naming every fault of every bundle, and of how they are named.
        """
        entries: list[Entry] = []
        faults: list[str] = []
        for place in places:
            try:
                entries.append((place, self.bundle(place)))
            except InvalidBundle as error:
                faults += [f"the bundle {place.where}: {fault}" for fault in error.faults]
            except StorageUnavailable as error:
                faults.append(f"the bundle {place.where}: it cannot be looked at now. {error}")
        if faults:
            raise InvalidBundle("MODEL_BUNDLE", faults)
        return ModelIndex(entries)

    def bundle(self, place: Place) -> Bundle:
        """Read the bundle that lies at a place; where a model's versions do, the highest.

        Raises:
            InvalidBundle: there is none, or it is not whole; naming every fault.
            StorageUnavailable: the bucket did not answer within the deadline.
        """
        if place.is_in_a_bucket:
            return BundleDownload(self._open_store(), self._max_bytes).bundle(place)
        folder = bundle_folder(place.where, self._own_models)
        return load_bundle(folder if (folder / MANIFEST).exists() else _highest_below(folder))


def spelled_out(places: Iterable[Place], own_models: Path) -> str:
    """Return places as ``MODEL_BUNDLE`` has them, with whole paths, for a process that runs in another folder."""
    return ",".join(
        str(
            place
            if place.is_in_a_bucket
            else Place(str(bundle_folder(place.where, own_models).resolve()), place.name, place.label)
        )
        for place in places
    )


def _highest_below(folder: Path) -> Path:
    try:
        versions = [path.name for path in folder.iterdir() if (path / MANIFEST).is_file()]
    except OSError:
        versions = []
    return folder / highest(versions) if versions else folder
