"""The first and the last step of taking up a new version of a model: reading its places again, and saying so."""

from __future__ import annotations

from collections.abc import Callable

from shared.bundles.bundle import Bundle
from shared.bundles.model_index import Entry, ModelIndex
from shared.bundles.references import Place
from shared.errors import InvalidBundle
from shared.logs import log


def read_again(index: ModelIndex, name: str, read: Callable[[Place], Bundle]) -> ModelIndex:
    """Read the places of one model again, and return what is to be served then.

    Args:
        index: what is served now.
        name: of the model.
        read: reads the bundle at a place.

    Raises:
        UnknownModel: no such model is served.
        Misconfigured: what lies there cannot be served.
        StorageUnavailable: the bucket did not answer.
    """
    index.find(name)
    return ModelIndex([_read_entry(entry, name, read) for entry in index.entries])


def log_loaded(name: str, index: ModelIndex) -> None:
    """Write the line of a model that was loaded."""
    served = ", ".join(f"{label} is version {version}" for label, version in index.labels(name).items())
    digest = index.find(name).digest
    log.info(f"loaded {name}: {served}", extra={"fields": {"outcome": "loaded", "model": name, "digest": digest}})


def _read_entry(entry: Entry, name: str, read: Callable[[Place], Bundle]) -> Entry:
    place, before = entry
    if name != (place.name or before.manifest.name):
        return entry
    bundle = read(place)
    if place.name is None and bundle.manifest.name != name:
        raise InvalidBundle(f"the bundle {place.where}", [f"it is of {bundle.manifest.name!r}, expected {name!r}"])
    return place, bundle
