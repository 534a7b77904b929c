"""One request while a protocol answers it: its body, its caller, its deadline, and its model."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property

from flask import Request

from shared.bundles.bundle import Bundle
from shared.errors import UnknownModel
from shared.http.metrics import RequestMetrics
from shared.http.request_body import RequestBody
from shared.http.route import Protocol, Route
from shared.inference.classifier import Classifier
from shared.pipeline.pipeline import Pipeline
from shared.service import Service
from shared.types import Call, Source


@dataclass
class RequestContext:
    """One request. The memory that it takes is held until ``room`` is closed."""

    request: Request
    service: Service
    protocol: Protocol
    metrics: RequestMetrics
    routes: Sequence[tuple[Protocol, Route]]
    """Every route of the process."""
    room: ExitStack
    began: float = field(default_factory=time.monotonic)
    _requested: tuple[str | None, str | None] = (None, None)
    """A model and its version, as the client named them; None for the default."""

    @cached_property
    def pipeline(self) -> Pipeline:
        """The pipeline; the first request of a process builds it."""
        return self.service.pipeline()

    @cached_property
    def body(self) -> RequestBody:
        """The request's body."""
        return RequestBody(self.request, self.pipeline.memory.files, self.room, lambda: self.seconds_left)

    @cached_property
    def call(self) -> Call:
        """The record of this call: its caller, trace, instance and time."""
        return self.service.call(Source.REQUEST, self.request.headers)

    @cached_property
    def classifier(self) -> Classifier:
        """The requested model; it stays the same until the request ends, even if another version is loaded."""
        return self.pipeline.classifiers.find(*self._requested)

    @property
    def bundle(self) -> Bundle:
        """The bundle of the requested model."""
        return self.classifier.bundle if self.service.is_ready else self.service.bundles.find(*self._requested)

    @property
    def models(self) -> tuple[str, ...]:
        """The names of all models that are served, the default first."""
        return self.service.bundles.names

    @property
    def labels(self) -> tuple[str, ...]:
        """The model's labels, in the order of its outputs."""
        return self.bundle.manifest.labels

    def choose_model(self, name: str, version: str | None = None) -> None:
        """Choose the model that answers, instead of the stable version of the default model.

        Args:
            name: the model's name; ``name@version`` also names the version.
            version: the model's version, or the alias ``stable`` or ``canary``.

        Raises:
            UnknownModel: it is not served.
        """
        served = self.service.bundles
        try:
            served.find(name, version)
        except UnknownModel as error:
            requested = repr(name[:200]) if version is None else f"{name[:200]!r}, version {version[:40]!r},"
            known = ", ".join(f"{model} (version {', '.join(served.versions(model))})" for model in served.names)
            raise UnknownModel(f"The model {requested} is not served here. These are: {known}.") from error
        self._requested = name, version
        self.__dict__.pop("classifier", None)  # the cached one is of the model before

    @property
    def seconds_left(self) -> float:
        """How long this request may still take."""
        return max(0.0, self.began + self.service.settings.max_request_s - time.monotonic())
