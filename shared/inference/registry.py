"""The models that a process serves, by name, version and alias; new versions are loaded while requests run.

The names ``load`` and ``index`` are from KServe's and Triton's model repository extension, and ``get_model`` is from
MLServer's registry.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.bundles.bundle import Bundle
from shared.bundles.model_index import ModelIndex
from shared.bundles.references import BundleReference
from shared.errors import Busy
from shared.inference.classifier import Classifier
from shared.inference.reload import log_loaded, reload_index
from shared.types import Upload


class BundleReader(Protocol):
    """A reader of bundles, such as ``bundles.resolve.BundleSource``."""

    def index(self, references: Iterable[BundleReference]) -> ModelIndex:
        """Read the bundles of all references.

        Raises:
            Misconfigured: with every fault of every bundle, and of their names, versions and aliases.
        """

    def bundle(self, reference: BundleReference) -> Bundle:
        """Read the bundle of a reference.

        Raises:
            InvalidBundle: the bundle is missing or incomplete.
            StorageUnavailable: the bucket did not answer.
        """


@dataclass(frozen=True, slots=True)
class ServedModels:
    """A snapshot of the served models: every query to it sees the same state.

    A caller keeps the classifier that it got: a request ends with the model that it began with, and a replaced model
    is freed after the last request that uses it.
    """

    index: ModelIndex
    by_digest: Mapping[str, Classifier]
    """The open models; empty before the registry is opened."""

    def __iter__(self) -> Iterator[Classifier]:
        return iter(self.by_digest.values())

    def get_model(self, name: str | None = None, version: str | None = None) -> Classifier:
        """Return the model of a name, or the default; ``ModelIndex.find`` describes the arguments.

        Raises:
            UnknownModel: no such model or version is served.
        """
        return self.by_digest[self.index.find(name, version).digest]

    def get_model_for(self, upload: Upload) -> Classifier:
        """Return the model for an upload: named by its metadata, else by its first folder, else the default.

        Raises:
            UnknownModel: its metadata names a model that is not served. A folder of any other name has no meaning.
        """
        if upload.model is not None:
            return self.get_model(upload.model)
        folder, slash, _ = upload.ref.name.partition("/")
        return self.get_model(folder if slash and folder in self.index else None)


class ModelRegistry:
    """The models of one process. Thread-safe: the served models are replaced in one step.

    The constructor reads and checks the bundles; ``open`` opens the models, since some runtimes do not survive a fork.

    Args:
        reader: reads the bundles.
        references: the bundles to serve.
        open_model: opens a bundle's model as a classifier, and runs it once.

    Raises:
        Misconfigured: with every fault of every bundle, and of their names, versions and aliases.
    """

    def __init__(
        self, reader: BundleReader, references: Iterable[BundleReference], open_model: Callable[[Bundle], Classifier]
    ) -> None:
        self._reader = reader
        self._open_model = open_model
        self._served = ServedModels(reader.index(references), {})
        self._load_lock = threading.Lock()

    @classmethod
    def of(cls, classifiers: Sequence[Classifier], index: ModelIndex | None = None) -> ModelRegistry:
        """Return an open registry of open models, whose bundles never change.

        Args:
            classifiers: a classifier for each bundle of the index.
            index: the names, versions and aliases to serve; None for the names and versions of the bundles.
        """
        by_digest = {classifier.bundle.digest: classifier for classifier in classifiers}
        known = index or ModelIndex.of([classifier.bundle for classifier in classifiers])
        references = [reference for reference, _ in known.entries]
        registry = cls(_LoadedBundles(known), references, lambda bundle: by_digest[bundle.digest])
        registry.open()
        return registry

    @property
    def served(self) -> ServedModels:
        """The models that are served now."""
        return self._served

    @property
    def index(self) -> ModelIndex:
        """The index of the bundles that are served now; known before the models are open."""
        return self._served.index

    def get_model(self, name: str | None = None, version: str | None = None) -> Classifier:
        """Return a model that is served now, as ``ServedModels.get_model`` does."""
        return self._served.get_model(name, version)

    def get_model_for(self, upload: Upload) -> Classifier:
        """Return the model for an upload now, as ``ServedModels.get_model_for`` does."""
        return self._served.get_model_for(upload)

    def open(self) -> None:
        """Open every model, before the first request. Bundles whose downloaded copies were removed are read again.

        Raises:
            Misconfigured: a bundle can no longer be read, or a model differs from its manifest.
        """
        with self._load_lock:
            index = self._served.index
            if not all(bundle.folder.is_dir() for bundle in index):  # old copies are removed
                index = self._reader.index(reference for reference, _ in index.entries)
            self._serve(index)

    def load(self, name: str) -> ModelIndex:
        """Load a model's bundles again and swap them in. Repeatable: nothing happens where nothing changed.

        New bundles are read, checked and warmed up first, and then served in one step.

        Returns:
            The index of the bundles that are served from now on.

        Raises:
            UnknownModel: no such model is served.
            Misconfigured: a new bundle cannot be served; the current ones stay.
            StorageUnavailable: the bucket did not answer; the current bundles stay.
            Busy: another load is running.
        """
        if not self._load_lock.acquire(blocking=False):
            raise Busy("Another model is being loaded; try again in a second.")
        try:
            index = reload_index(self._served.index, name, self._reader.bundle)
            self._serve(index)
        finally:
            self._load_lock.release()
        log_loaded(name, index)
        return index

    def _serve(self, index: ModelIndex) -> None:
        opened = self._served.by_digest
        by_digest = {bundle.digest: opened.get(bundle.digest) or self._open_model(bundle) for bundle in index}
        self._served = ServedModels(index, by_digest)


@dataclass(frozen=True, slots=True)
class _LoadedBundles:
    """A reader of bundles that are loaded already."""

    loaded: ModelIndex

    def index(self, references: Iterable[BundleReference]) -> ModelIndex:
        return self.loaded

    def bundle(self, reference: BundleReference) -> Bundle:
        return dict(self.loaded.entries)[reference]
