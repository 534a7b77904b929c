"""A function's process: settings and bundle checked at start, the pipeline built where requests are served."""

from __future__ import annotations

import threading
import uuid
from datetime import UTC, datetime

from werkzeug.datastructures import Headers

from shared import logs
from shared.bundle import Bundle, load_bundle
from shared.caller import caller_from, trace_from
from shared.errors import Misconfigured
from shared.memory import return_what_is_freed
from shared.pipeline import Pipeline
from shared.settings import Platform, Settings, bundle_folder
from shared.types import Call, Source


class Service:
    """What every request of one process shares. Thread-safe.

    functions-framework runs a function's module in gunicorn's master and then forks, and neither threads nor
    TensorFlow survive that. So the constructor only checks, and ``pipeline`` builds on first use.

    Raises:
        Misconfigured: the environment or the bundle is wrong; the process should end and say so.
    """

    def __init__(self, settings: Settings, platform: Platform) -> None:
        logs.configure(settings.log_format)
        return_what_is_freed()
        self.settings = settings
        self.platform = platform
        self.bundles = load_bundles(settings.model_bundle)
        self._lock = threading.Lock()
        self._pipeline: Pipeline | None = None
        self._instance = ""
        self._has_served = False

    @classmethod
    def from_environment(cls) -> Service:
        """Build the service of this process."""
        return cls(Settings.from_environment(), Platform.from_environment())

    @property
    def bundle(self) -> Bundle:
        """What is meant where no model is named."""
        return next(iter(self.bundles.values()))

    @property
    def is_ready(self) -> bool:
        """Whether the clients are built and one inference has run."""
        return self._pipeline is not None

    def pipeline(self) -> Pipeline:
        """Return the pipeline; the first call builds it, and others wait for that."""
        with self._lock:
            if self._pipeline is None:
                from shared.wiring import build_pipeline

                self._pipeline = build_pipeline(self.settings, self.platform, self.bundles.values())
                self._instance = uuid.uuid4().hex[:12]
            return self._pipeline

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
        """Begin the record of one call."""
        with self._lock:
            is_cold_start, self._has_served = not self._has_served, True
        headers = Headers() if headers is None else headers
        return Call(
            source=source,
            received_at=datetime.now(UTC),
            event_id=event_id,
            trace=trace_from(headers, self.settings.project),
            caller=caller_from(headers) if self.platform.is_cloud and source == Source.REQUEST else None,
            service=self.platform.service,
            revision=self.platform.revision,
            instance=self._instance,
            is_cold_start=is_cold_start,
            is_shadow=self.platform.is_shadow or None,
        )


def load_bundles(places: tuple[str, ...]) -> dict[str, Bundle]:
    """Read bundles, and return them by the name of their model, in order.

    Args:
        places: names of bundles that ship, or folders.

    Raises:
        InvalidBundle: one is not whole.
        Misconfigured: two are of one model.
    """
    bundles: dict[str, Bundle] = {}
    for place in places:
        bundle = load_bundle(bundle_folder(place))
        name = bundle.manifest.name
        if name in bundles:
            raise Misconfigured(
                "the environment", [f"MODEL_BUNDLE names two bundles of the model {name!r}, expected one"]
            )
        bundles[name] = bundle
    return bundles
