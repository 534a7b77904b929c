"""The models that a process serves, by name, version and label; a new version is taken up while requests run.

``load`` and ``index`` are what KServe's and Triton's model repository extension calls so, and ``get_model`` is what
MLServer's registry does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.bundles.bundle import Bundle
from shared.bundles.model_index import ModelIndex
from shared.bundles.references import Place
from shared.errors import Busy
from shared.inference.classifier import Classifier
from shared.inference.reload import log_loaded, read_again
from shared.types import Upload


class BundleReader(Protocol):
    """Reads bundles where they lie, as ``bundles.resolve.BundleSource`` does."""

    def index(self, places: Iterable[Place]) -> ModelIndex:
        """Read every place.

        Raises:
            Misconfigured: naming every fault of every bundle, and of how they are named.
        """

    def bundle(self, place: Place) -> Bundle:
        """Read the bundle that lies at a place.

        Raises:
            InvalidBundle: there is none, or it is not whole.
            StorageUnavailable: the bucket did not answer.
        """


@dataclass(frozen=True, slots=True)
class ServedModels:
    """What is served at one moment: all that is asked of one of these is of one state.

    Whoever took a classifier keeps it: a request that is being answered ends with the model that it began with, and
    what was replaced is freed after the last of them.
    """

    index: ModelIndex
    by_digest: Mapping[str, Classifier]
    """The open models; none before the registry is opened."""

    def __iter__(self) -> Iterator[Classifier]:
        return iter(self.by_digest.values())

    def get_model(self, name: str | None = None, version: str | None = None) -> Classifier:
        """Return the model of a name, or the default; ``ModelIndex.find`` says what may be asked for.

        Raises:
            UnknownModel: it is not served.
        """
        return self.by_digest[self.index.find(name, version).digest]

    def get_model_for(self, upload: Upload) -> Classifier:
        """Return the model that an upload is for: its metadata says so, or its first folder, or it is the default.

        Raises:
            UnknownModel: its metadata names a model that is not served. A folder of any other name is just a folder.
        """
        if upload.model is not None:
            return self.get_model(upload.model)
        folder, slash, _ = upload.ref.name.partition("/")
        return self.get_model(folder if slash and folder in self.index else None)


class ModelRegistry:
    """The models of one process. Thread-safe: what is served is replaced in one step.

    The bundles are read and checked at once; the models are opened by ``open``, since some survive no fork.

    Args:
        reader: where bundles come from.
        places: what to serve.
        open_model: makes a classifier of a bundle, and runs it once.

    Raises:
        Misconfigured: naming every fault of every bundle, and of how they are named.
    """

    def __init__(
        self, reader: BundleReader, places: Iterable[Place], open_model: Callable[[Bundle], Classifier]
    ) -> None:
        self._reader = reader
        self._open_model = open_model
        self._served = ServedModels(reader.index(places), {})
        self._is_loading = threading.Lock()

    @classmethod
    def of(cls, classifiers: Sequence[Classifier], index: ModelIndex | None = None) -> ModelRegistry:
        """Return an open registry of models that are open, and whose bundles never change.

        Args:
            classifiers: one for each bundle of the index.
            index: what they are served as; None for the names and versions of their bundles.
        """
        by_digest = {classifier.bundle.digest: classifier for classifier in classifiers}
        known = index or ModelIndex.of([classifier.bundle for classifier in classifiers])
        places = [place for place, _ in known.entries]
        registry = cls(_NeverChanging(known), places, lambda bundle: by_digest[bundle.digest])
        registry.open()
        return registry

    @property
    def served(self) -> ServedModels:
        """What is served now."""
        return self._served

    @property
    def index(self) -> ModelIndex:
        """Which bundles are served now, as what; known before the models are open."""
        return self._served.index

    def get_model(self, name: str | None = None, version: str | None = None) -> Classifier:
        """Return a model that is served now, as ``ServedModels.get_model`` does."""
        return self._served.get_model(name, version)

    def get_model_for(self, upload: Upload) -> Classifier:
        """Return the model that an upload is for now, as ``ServedModels.get_model_for`` does."""
        return self._served.get_model_for(upload)

    def open(self) -> None:
        """Open every model, before the first is asked for. Bundles whose downloaded copies are gone are read again.

        Raises:
            Misconfigured: a bundle cannot be read any more, or a model and its manifest disagree.
        """
        with self._is_loading:
            index = self._served.index
            if not all(bundle.folder.is_dir() for bundle in index):  # copies are not kept for ever
                index = self._reader.index(place for place, _ in index.entries)
            self._serve(index)

    def load(self, name: str) -> ModelIndex:
        """Serve what lies at the places of a model now. Repeatable: where nothing changed, nothing is done.

        What is new is read, checked and warmed up first, and then served in one step.

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
            index = read_again(self._served.index, name, self._reader.bundle)
            self._serve(index)
        finally:
            self._is_loading.release()
        log_loaded(name, index)
        return index

    def _serve(self, index: ModelIndex) -> None:
        opened = self._served.by_digest
        by_digest = {bundle.digest: opened.get(bundle.digest) or self._open_model(bundle) for bundle in index}
        self._served = ServedModels(index, by_digest)


@dataclass(frozen=True, slots=True)
class _NeverChanging:
    """Reads bundles that were read already."""

    read: ModelIndex

    def index(self, places: Iterable[Place]) -> ModelIndex:
        return self.read

    def bundle(self, place: Place) -> Bundle:
        return dict(self.read.entries)[place]
