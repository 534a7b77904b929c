"""The models that a process serves, and which of them an upload is for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shared.bundles.catalogue import Catalogue
from shared.inference.classifier import Classifier
from shared.types import Upload


@dataclass(frozen=True, slots=True)
class _Served:
    catalogue: Catalogue
    by_digest: dict[str, Classifier]

    def find(self, name: str | None, version: str | None = None) -> Classifier:
        return self.by_digest[self.catalogue.find(name, version).digest]


class Classifiers:
    """Models by name, version and label. Thread-safe: what is served is replaced in one step by ``replace``.

    Whoever took a classifier keeps it: a request that is being answered ends with the model that it began with, and
    what was replaced is freed after the last of them.

    Args:
        classifiers: one for each bundle of the catalogue.
        catalogue: what they are served as; None for the names and versions of their bundles.
    """

    def __init__(self, classifiers: Sequence[Classifier], catalogue: Catalogue | None = None) -> None:
        self.replace(classifiers, catalogue or Catalogue.of([classifier.bundle for classifier in classifiers]))

    def replace(self, classifiers: Sequence[Classifier], catalogue: Catalogue) -> None:
        """Serve these from now on, and no others."""
        self._served = _Served(catalogue, {one.bundle.digest: one for one in classifiers})

    @property
    def catalogue(self) -> Catalogue:
        """What is served now."""
        return self._served.catalogue

    @property
    def default(self) -> Classifier:
        """What is meant where no model is named."""
        return self.find(None)

    def __iter__(self) -> Iterator[Classifier]:
        return iter(self._served.by_digest.values())

    def find(self, name: str | None, version: str | None = None) -> Classifier:
        """Return the model of a name; ``Catalogue.find`` says what may be asked for.

        Raises:
            UnknownModel: it is not served.
        """
        return self._served.find(name, version)

    def of(self, upload: Upload) -> Classifier:
        """Return the model that an upload is for: its metadata says so, or its first folder, or it is the default.

        Raises:
            UnknownModel: its metadata names a model that is not served. A folder of any other name is just a folder.
        """
        served = self._served
        if upload.model is not None:
            return served.find(upload.model)
        folder, slash, _ = upload.ref.name.partition("/")
        return served.find(folder if slash and folder in served.catalogue else None)
