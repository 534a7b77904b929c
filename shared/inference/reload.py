"""Takes up a new version of a model while requests run: read, checked and warmed up first, then served in one step."""

from __future__ import annotations

import threading
from collections.abc import Callable

from shared.bundles.bundle import Bundle
from shared.bundles.catalogue import Catalogue, Entry
from shared.bundles.resolve import BundleSource
from shared.errors import Busy, InvalidBundle
from shared.inference.classifier import Classifier
from shared.inference.registry import Classifiers
from shared.logs import log


class Loader:
    """Reads a model's places again, for one process. Thread-safe.

    Args:
        source: where bundles come from.
        open_classifier: makes a classifier of a bundle, and runs it once.
        classifiers: what is served.
    """

    def __init__(
        self, source: BundleSource, open_classifier: Callable[[Bundle], Classifier], classifiers: Classifiers
    ) -> None:
        self._source = source
        self._open = open_classifier
        self._classifiers = classifiers
        self._is_loading = threading.Lock()

    def load(self, name: str) -> Catalogue:
        """Serve what lies at the places of a model now. Repeatable: where nothing changed, nothing is done.

        Returns:
            What is served from now on.

        Raises:
            UnknownModel: no such model is served.
            Misconfigured: what lies there cannot be served; what was served is served still.
            StorageUnavailable: the bucket did not answer; likewise.
            Busy: something is being loaded already.
        """
        if not self._is_loading.acquire(blocking=False):
            raise Busy("A model is being loaded already; try again in a second.")
        try:
            before = self._classifiers.catalogue
            before.find(name)
            catalogue = Catalogue([self._renewed(entry, name) for entry in before.entries])
            opened = {one.bundle.digest: one for one in self._classifiers}
            classifiers = [opened.get(bundle.digest) or self._open(bundle) for bundle in catalogue]
            self._classifiers.replace(classifiers, catalogue)
        finally:
            self._is_loading.release()
        _log_loaded(name, catalogue)
        return catalogue

    def _renewed(self, entry: Entry, name: str) -> Entry:
        place, before = entry
        if name != (place.name or before.manifest.name):
            return entry
        bundle = self._source.bundle(place)
        if place.name is None and bundle.manifest.name != name:
            raise InvalidBundle(f"the bundle {place.where}", [f"it is of {bundle.manifest.name!r}, expected {name!r}"])
        return place, bundle


def _log_loaded(name: str, catalogue: Catalogue) -> None:
    served = ", ".join(f"{label} is version {version}" for label, version in catalogue.labels(name).items())
    digest = catalogue.find(name).digest
    log.info(f"loaded {name}: {served}", extra={"fields": {"outcome": "loaded", "model": name, "digest": digest}})
