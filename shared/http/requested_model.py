"""The model that one request asks for, in one state of what is served."""

from __future__ import annotations

from functools import cached_property

from shared.bundles.bundle import Bundle
from shared.bundles.model_index import ModelIndex
from shared.errors import UnknownModel
from shared.inference.classifier import Classifier
from shared.inference.registry import ServedModels
from shared.service import Service


class RequestedModel:
    """A model by its name and version. For one thread.

    Everything that a response says about models is of the state in which the request first read them, also if another
    request loads a version in the meantime.

    Args:
        service: which serves the models.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._name: str | None = None
        self._version: str | None = None

    @cached_property
    def _served(self) -> ServedModels:
        """The open models; read once. The first request of a process opens them."""
        self._service.pipeline()
        return self._service.models.served

    @cached_property
    def index(self) -> ModelIndex:
        """Which bundles are served; read once. A question about models does not wait until they are open."""
        return self._served.index if self._service.is_ready else self._service.models.index

    @property
    def bundle(self) -> Bundle:
        """The model's bundle, for questions about the model; for images it is ``classifier.bundle``."""
        return self.index.find(self._name, self._version)

    @cached_property
    def classifier(self) -> Classifier:
        """What classifies the images of the request.

        Raises:
            UnknownModel: the model was replaced before this process had opened its models.
        """
        return self._served.get_model(self._name, self._version)

    def choose(self, name: str, version: str | None = None) -> None:
        """Choose another model than the default, or another version of it than the stable one.

        Args:
            name: of the model; ``name@version`` also names the version.
            version: of the model, or the label ``stable`` or ``canary``.

        Raises:
            UnknownModel: it is not served.
        """
        try:
            self.index.find(name, version)
        except UnknownModel as error:
            requested = repr(name[:200]) if version is None else f"{name[:200]!r}, version {version[:40]!r},"
            known = ", ".join(
                f"{known} (version {', '.join(self.index.versions(known))})" for known in self.index.names
            )
            raise UnknownModel(f"The model {requested} is not served here. These are: {known}.") from error
        self._name, self._version = name, version
        self.__dict__.pop("classifier", None)
