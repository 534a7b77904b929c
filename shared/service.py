"""A function's process: settings and bundle checked at start, the pipeline built where requests are served."""

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
from shared.settings import Platform, Settings
from shared.types import Call, Source
from shared.wiring import build_pipeline, build_registry, caller_reader


class Service:
    """What every request of one process shares. Thread-safe.

    functions-framework runs a function's module in gunicorn's master and then forks, and neither threads nor
    TensorFlow survive that. So the constructor only checks, and ``pipeline`` builds on first use.

    Raises:
        Misconfigured: the environment or the bundle is wrong; the process should end and say so.
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
        """Build the service of this process."""
        return cls(Settings.from_environment(), Platform.from_environment())

    @property
    def is_ready(self) -> bool:
        """Whether the clients are built and one inference has run."""
        return self._pipeline is not None

    def pipeline(self) -> Pipeline:
        """Return the pipeline; the first call builds it, and others wait for that."""
        with self._lock:
            if self._pipeline is None:
                self._pipeline = build_pipeline(self.settings, self.platform, self.models)
                self._instance = uuid.uuid4().hex[:12]
            return self._pipeline

    def load(self, name: str) -> ModelIndex:
        """Serve what lies at the places of a model now; ``ModelRegistry.load`` says what may go wrong."""
        self.pipeline()
        return self.models.load(name)

    @cached_property
    def label_tokens(self) -> LabelTokens:
        """What signs predictions for who may label them."""
        return LabelTokens(self.settings.label_keys)

    @cached_property
    def _caller_of(self) -> Callable[[Headers], str | None]:
        return caller_reader(self.settings, self.platform)

    def prepare_in_background(self) -> None:
        """Begin to build the pipeline, if nobody has; ready probes call this until ``is_ready``."""
        if not self.is_ready and not self._lock.locked():
            threading.Thread(target=self._prepare, name="prepare", daemon=True).start()

    def _prepare(self) -> None:
        try:
            self.pipeline()
        except Exception:  # the end of a thread: whatever it is, it must reach the log
            logs.log.exception("the pipeline cannot be built; this instance stays unready")

    def call(
        self,
        source: Source,
        headers: Headers | None = None,
        *,
        event_id: str | None = None,
    ) -> Call:
        """Begin the record of one call.

        Raises:
            BadRequest: with status 401, where callers must be verified and this one cannot be.
            KeysUnavailable: nobody can be verified, for now.
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
        )
