"""One request while a protocol answers it: its body, its caller, its deadline, and its model."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property

from flask import Request

from shared.bundles.bundle import Bundle
from shared.bundles.model_index import ModelIndex
from shared.http.metrics import RequestMetrics
from shared.http.request_body import RequestBody
from shared.http.requested_model import RequestedModel
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
    def model(self) -> RequestedModel:
        """The requested model; the default until ``choose_model`` is called."""
        return RequestedModel(self.service)

    @property
    def index(self) -> ModelIndex:
        """The index of the served models; it stays the same until the request ends."""
        return self.model.index

    @property
    def bundle(self) -> Bundle:
        """The bundle of the requested model, for routes that describe a model."""
        return self.model.bundle

    @property
    def classifier(self) -> Classifier:
        """The requested model, open; it stays the same until the request ends, even if another version is loaded."""
        return self.model.classifier

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the requested model, in the order of its outputs."""
        return self.classifier.bundle.manifest.labels

    def choose_model(self, name: str, version: str | None = None) -> None:
        """Choose the model that answers, as ``RequestedModel.choose`` does.

        Raises:
            UnknownModel: it is not served.
        """
        self.model.choose(name, version)

    @property
    def seconds_left(self) -> float:
        """How long this request may still take."""
        return max(0.0, self.began + self.service.settings.max_request_s - time.monotonic())
