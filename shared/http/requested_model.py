"""The model of one request, from one state of the model registry."""

from __future__ import annotations

from functools import cached_property

from shared.bundles.bundle import Bundle
from shared.bundles.model_index import ModelIndex
from shared.errors import UnknownModel
from shared.inference.classifier import Classifier
from shared.inference.registry import ServedModels
from shared.service import Service


class RequestedModel:
    """The model of one request, by name and version. Not thread-safe: one thread answers a request.

    A response describes the models in one state: the state that the request read first, even if another request loads a
    version in the meantime.

    Args:
        service: the service with the model registry.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._name: str | None = None
        self._version: str | None = None

    @cached_property
    def _served(self) -> ServedModels:
        """The open models, read once; the first request of a process opens them."""
        self._service.pipeline()
        return self._service.models.served

    @cached_property
    def index(self) -> ModelIndex:
        """The index of the served models, read once; to read it does not wait until they are open."""
        return self._served.index if self._service.is_ready else self._service.models.index

    @property
    def bundle(self) -> Bundle:
        """The model's bundle, for routes that describe a model; images use ``classifier.bundle``."""
        return self.index.find(self._name, self._version)

    @cached_property
    def classifier(self) -> Classifier:
        """The open model that classifies the images of the request.

        Raises:
            UnknownModel: the model was replaced before this process had opened its models.
        """
        return self._served.get_model(self._name, self._version)

    def choose(self, name: str, version: str | None = None) -> None:
        """Choose the model that answers, instead of the stable version of the default model.

        Args:
            name: the model's name; ``name@version`` also names the version.
            version: the model's version, or the alias ``stable`` or ``canary``.

        Raises:
            UnknownModel: it is not served.
        """
        try:
            self.index.find(name, version)
        except UnknownModel as error:
            requested = repr(name[:200]) if version is None else f"{name[:200]!r}, version {version[:40]!r},"
            known = ", ".join(
                f"{model} (version {', '.join(self.index.versions(model))})" for model in self.index.names
            )
            raise UnknownModel(f"The model {requested} is not served here. These are: {known}.") from error
        self._name, self._version = name, version
        self.__dict__.pop("classifier", None)  # the cached classifier is the previous model's
