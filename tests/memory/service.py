"""The HTTPS function over an existing pipeline: its own routes, without clients of the cloud's services."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, cast

from flask import Flask, Response, request
from werkzeug.datastructures import Headers

from shared.bundles.model_index import ModelIndex
from shared.http.app import set_up_app
from shared.http.router import Router
from shared.images.decode import Limits
from shared.images.memory_budget import MemoryBudgets
from shared.pipeline.label_tokens import LabelTokens
from shared.pipeline.pipeline import Pipeline
from shared.pipeline.probe import is_marked
from shared.pipeline.rate_limit import RateLimit
from shared.settings import Platform, Settings
from shared.types import Call, Source

if TYPE_CHECKING:  # it starts real parts, and tests of this module's app need none
    from shared.service import Service

METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"]


class MemoryService:
    """As much of ``service.Service`` as requests ask for; ``tests/http/test_served_state.py`` holds it to that.

    Args:
        pipeline: what it serves with; its limits are those of the settings.
        settings: by variable.
    """

    def __init__(self, pipeline: Pipeline, **settings: str) -> None:
        buckets = {"ARCHIVE_BUCKET": pipeline.archive_bucket, "QUARANTINE_BUCKET": pipeline.quarantine_bucket}
        project = {"GOOGLE_CLOUD_PROJECT": "in-memory", "UPLOAD_BUCKET": "uploads-in-memory"}
        self.settings = Settings.from_environment(project | buckets | settings)
        self.platform = Platform.from_environment({})
        self.models = pipeline.models
        self._pipeline = replace(
            pipeline,
            limits=Limits(self.settings.max_image_bytes, self.settings.max_image_pixels),
            memory=MemoryBudgets.of_instance(self.settings.memory_mb),
            rate=RateLimit(self.settings.max_images_per_minute),
        )

    @property
    def is_ready(self) -> bool:
        """See ``Service.is_ready``: it has its pipeline from the beginning."""
        return True

    @cached_property
    def label_tokens(self) -> LabelTokens:
        """See ``Service.label_tokens``."""
        return LabelTokens(self.settings.label_keys)

    def pipeline(self) -> Pipeline:
        """See ``Service.pipeline``."""
        return self._pipeline

    def load(self, name: str) -> ModelIndex:
        """See ``Service.load``."""
        return self.models.load(name)

    def prepare_in_background(self) -> None:
        """Do nothing: the service is prepared, or a test has set that it is not."""

    def call(self, source: Source, headers: Headers | None = None, *, event_id: str | None = None) -> Call:
        """See ``Service.call``; no caller has a name."""
        is_probe = (source == Source.REQUEST and is_marked(headers)) or None
        return Call(source, datetime.now(UTC), event_id=event_id, service="test", instance="here", is_probe=is_probe)


def https_function(service: Service | MemoryService) -> Flask:
    """Return an app that answers as ``functions/classify_request`` does, except for the page."""
    served = cast("Service", service)
    app, router = Flask("classify_request", static_folder=None), Router(served)

    def answer(path: str = "") -> Response:
        return router.answer(request)

    router.shape_errors_of(app)
    set_up_app(app, served)
    app.add_url_rule("/", view_func=answer, methods=METHODS)
    app.add_url_rule("/<path:path>", view_func=answer, methods=METHODS)
    return app
