"""A function's process: it checks settings and bundles at start, and builds the pipeline on first use."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property

from werkzeug.datastructures import Headers

from shared import logs
from shared.bundles.model_index import ModelIndex
from shared.caller import trace_from
from shared.images.memory_budget import configure_malloc
from shared.pipeline.label_tokens import LabelTokens
from shared.pipeline.pipeline import Pipeline
from shared.pipeline.probe import is_marked
from shared.settings import Platform, Settings
from shared.types import Call, Source
from shared.wiring import build_pipeline, build_registry, caller_reader


class Service:
    """The state that all requests of a process share. Thread-safe.

    functions-framework imports a function's module in gunicorn's master and then forks, and neither threads nor
    TensorFlow survive a fork. So the constructor only checks, and ``pipeline`` builds on first use.

    Raises:
        Misconfigured: the environment or a bundle is invalid; the process should report it and exit.
    """

    def __init__(self, settings: Settings, platform: Platform) -> None:
        logs.configure(settings.log_format)
        configure_malloc()
        self.settings = settings
        self.platform = platform
        self.models = build_registry(settings, platform)
        self._lock = threading.Lock()
        self._pipeline: Pipeline | None = None
        self._instance = ""
        self._has_served = False

    @classmethod
    def from_environment(cls) -> Service:
        """Build the service of this process from its environment variables."""
        return cls(Settings.from_environment(), Platform.from_environment())

    @property
    def is_ready(self) -> bool:
        """Whether the pipeline is built: its clients exist, and one inference has run."""
        return self._pipeline is not None

    def pipeline(self) -> Pipeline:
        """Return the pipeline; the first call builds it, and calls in parallel wait for it."""
        with self._lock:
            if self._pipeline is None:
                self._pipeline = build_pipeline(self.settings, self.platform, self.models)
                self._instance = uuid.uuid4().hex[:12]
            return self._pipeline

    def load(self, name: str) -> ModelIndex:
        """Load the bundles of a model again and swap them in; errors as in ``ModelRegistry.load``."""
        self.pipeline()
        return self.models.load(name)

    @cached_property
    def label_tokens(self) -> LabelTokens:
        """The signer of the tokens with which callers may label their predictions."""
        return LabelTokens(self.settings.label_keys)

    @cached_property
    def _caller_of(self) -> Callable[[Headers], str | None]:
        return caller_reader(self.settings, self.platform)

    def prepare_in_background(self) -> None:
        """Start to build the pipeline in a thread, unless a build is running; readiness probes call this."""
        if not self.is_ready and not self._lock.locked():
            threading.Thread(target=self._prepare, name="prepare", daemon=True).start()

    def _prepare(self) -> None:
        try:
            self.pipeline()
        except Exception:  # the thread ends here, so the log is the only place for the error
            logs.log.exception("the pipeline was not built, so this instance is not ready")

    def call(
        self,
        source: Source,
        headers: Headers | None = None,
        *,
        event_id: str | None = None,
    ) -> Call:
        """Return the ``Call`` that begins now, with its caller and trace.

        Raises:
            BadRequest: with status 401; callers must be verified, and this caller cannot be.
            KeysUnavailable: the keys to verify callers are not available now.
        """
        with self._lock:
            is_cold_start, self._has_served = not self._has_served, True
        headers = Headers() if headers is None else headers
        return Call(
            source=source,
            received_at=datetime.now(UTC),
            event_id=event_id,
            trace=trace_from(headers, self.settings.project),
            caller=self._caller_of(headers) if source == Source.REQUEST else None,
            service=self.platform.service,
            revision=self.platform.revision,
            instance=self._instance,
            is_cold_start=is_cold_start,
            is_shadow=self.platform.is_shadow or None,
            is_probe=(source == Source.REQUEST and is_marked(headers)) or None,
        )
