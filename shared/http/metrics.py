"""Count the requests and images of a process for Prometheus.

prometheus_client is imported at the first ``GET /metrics``, because most processes never need it.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shared.errors import BadRequest, BucketlensError, Permanent, Transient
from shared.types import ModelFacts, Prediction, fields_of

if TYPE_CHECKING:
    from prometheus_client import Metric

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the histograms' buckets."""

METHODS = ("GET", "HEAD", "POST")
"""The methods that routes have."""

Labels = tuple[str, ...]


class RequestMetrics:
    """The counters and histograms of one process, for ``GET /metrics``. Thread-safe.

    Args:
        models: returns the models that are served now.
    """

    def __init__(self, models: Callable[[], Sequence[ModelFacts]]) -> None:
        self._models = models
        self._lock = threading.Lock()
        self._requests: dict[Labels, int] = defaultdict(int)
        self._request_seconds: dict[Labels, _Histogram] = defaultdict(_Histogram)
        self._images: dict[Labels, int] = defaultdict(int)
        self._labels: dict[Labels, int] = defaultdict(int)
        self._step_seconds: dict[Labels, _Histogram] = defaultdict(_Histogram)
        self._in_flight = 0

    @contextmanager
    def request_in_flight(self) -> Iterator[None]:
        """Count a request as in flight for the length of the block."""
        with self._lock:
            self._in_flight += 1
        try:
            yield
        finally:
            with self._lock:
                self._in_flight -= 1

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered, with its duration.

        Labels have few values: ``route`` is the path's template, and a method that no route has is ``other``, because a
        client can invent methods.
        """
        method = method if method in METHODS else "other"
        with self._lock:
            self._requests[method, route, str(status)] += 1
            self._request_seconds[route,].add(seconds)

    def count_predicted(self, protocol: str, prediction: Prediction) -> None:
        """Count an image that was classified."""
        classification = prediction.classification
        times = {name.removesuffix("_ms"): ms for name, ms in fields_of(prediction.times).items() if ms is not None}
        with self._lock:
            self._images[protocol, "needs_review" if classification.needs_review else "predicted"] += 1
            self._labels[classification.label,] += 1
            for step, milliseconds in times.items():
                self._step_seconds[step,].add(milliseconds / 1000)

    def count_refused(self, protocol: str, error: BucketlensError) -> None:
        """Count an image that was not classified."""
        reason = error.reason if isinstance(error, Permanent | Transient) else "not_found"
        with self._lock:
            self._images[protocol, "bad_request" if isinstance(error, BadRequest) else reason] += 1

    def as_text(self) -> tuple[bytes, str]:
        """Return the metrics in Prometheus' text format, and its content type."""
        from prometheus_client import CollectorRegistry, ProcessCollector
        from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        registry.register(self)
        return generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics as prometheus_client's ``Collector`` does."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        model = GaugeMetricFamily(
            "bucketlens_model", "The models that are served.", labels=("name", "version", "digest", "runtime")
        )
        for facts in self._models():
            model.add_metric((facts.name, facts.version, facts.digest, facts.runtime), 1)
        yield model
        with self._lock:
            yield GaugeMetricFamily("bucketlens_requests_in_flight", "Requests being answered.", self._in_flight)
            for name, text, labels, counts in (
                ("requests", "Requests that were answered.", ("method", "route", "status"), self._requests),
                ("images", "Images, by outcome.", ("dialect", "outcome"), self._images),
                ("labels", "Predictions, by their best label.", ("label",), self._labels),
            ):
                counter = CounterMetricFamily(f"bucketlens_{name}", text, labels=labels)
                for values, count in counts.items():
                    counter.add_metric(values, count)
                yield counter
            for name, text, label, histograms in (
                ("request_seconds", "Seconds from a request to its answer.", "route", self._request_seconds),
                ("step_seconds", "Seconds of each step of an image.", "step", self._step_seconds),
            ):
                family = HistogramMetricFamily(f"bucketlens_{name}", text, labels=(label,))
                for values, histogram in histograms.items():
                    family.add_metric(values, histogram.buckets(), histogram.sum)
                yield family


class _Histogram:
    def __init__(self) -> None:
        self.counts = [0] * (len(SECONDS) + 1)
        self.sum = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(SECONDS, seconds)] += 1
        self.sum += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """Return for each upper bound, in seconds, the number of durations up to it."""
        bounds = [*map(str, SECONDS), "+Inf"]
        return [(bound, sum(self.counts[: index + 1])) for index, bound in enumerate(bounds)]
