"""The models that a process serves, and which of them an upload is for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shared.classify import Classifier
from shared.errors import UnknownModel
from shared.types import Upload


class Classifiers:
    """Models by name, in the order of ``MODEL_BUNDLE``; the first is what is meant where none is named. Immutable.

    Args:
        classifiers: one or more, of different names.
    """

    def __init__(self, classifiers: Sequence[Classifier]) -> None:
        self._by_name = {classifier.bundle.manifest.name: classifier for classifier in classifiers}
        self.default = classifiers[0]

    def __iter__(self) -> Iterator[Classifier]:
        return iter(self._by_name.values())

    def named(self, name: str | None) -> Classifier:
        """Return the model of a name; the default for None.

        Raises:
            UnknownModel: none of this name is served.
        """
        if name is None:
            return self.default
        if name not in self._by_name:
            raise UnknownModel(
                f"The model {name[:200]!r} is not served here, expected one of: {', '.join(self._by_name)}."
            )
        return self._by_name[name]

    def of(self, upload: Upload) -> Classifier:
        """Return the model that an upload is for: its metadata says so, or its first folder, or it is the default.

        Raises:
            UnknownModel: its metadata names a model that is not served. A folder of any other name is just a folder.
        """
        if upload.model is not None:
            return self.named(upload.model)
        folder, slash, _ = upload.ref.name.partition("/")
        return self._by_name.get(folder, self.default) if slash else self.default
