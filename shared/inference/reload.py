"""The first and the last step of a load of new versions: read the model's bundles again, and log the result."""

from __future__ import annotations

from collections.abc import Callable

from shared.bundles.bundle import Bundle
from shared.bundles.model_index import Entry, ModelIndex
from shared.bundles.references import BundleReference
from shared.errors import InvalidBundle
from shared.logs import log


def reload_index(index: ModelIndex, name: str, read: Callable[[BundleReference], Bundle]) -> ModelIndex:
    """Read the bundles of one model again, and return the index to serve.

    Args:
        index: the bundles that are served now.
        name: the model's name.
        read: reads the bundle of a reference.

    Raises:
        UnknownModel: no such model is served.
        Misconfigured: a bundle cannot be served.
        StorageUnavailable: the bucket did not answer.
    """
    index.find(name)
    return ModelIndex([_read_entry(entry, name, read) for entry in index.entries])


def log_loaded(name: str, index: ModelIndex) -> None:
    """Log that a model was loaded, with its versions by alias."""
    served = ", ".join(f"{alias} is version {version}" for alias, version in index.aliases(name).items())
    digest = index.find(name).digest
    log.info(f"loaded {name}: {served}", extra={"fields": {"outcome": "loaded", "model": name, "digest": digest}})


def _read_entry(entry: Entry, name: str, read: Callable[[BundleReference], Bundle]) -> Entry:
    reference, before = entry
    if name != (reference.name or before.manifest.name):
        return entry
    bundle = read(reference)
    if reference.name is None and bundle.manifest.name != name:
        raise InvalidBundle(
            f"the bundle {reference.location}", [f"its model is {bundle.manifest.name!r}, expected {name!r}"]
        )
    return reference, bundle
