"""The upload function without its work: a constant for a model, and no warehouse.

A function's module like functions/classify_upload/main.py, whose function it serves. What is left is the least time
that the event path can take.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from functions.classify_upload.main import classify_upload, service
from shared.inference.classifier import Classifier
from shared.inference.registry import ModelRegistry
from shared.pipeline.pipeline import Pipeline
from shared.types import Candidate, Classification, Correction, Pixels, Recorded

__all__ = ["classify_upload"]


class NoModel(Classifier):
    """A model that gives the same answer for every picture."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__(classifier.bundle, classifier.model)
        labels = self.bundle.manifest.labels
        candidates = tuple(Candidate(label, 1 / len(labels)) for label in labels)
        self._answer = Classification(labels[0], 1 / len(labels), candidates, needs_review=True)

    def classify(self, pixels: Pixels) -> Classification:
        return self._answer

    def classify_with_signals(self, pixels: Pixels, *, with_embedding: bool = True) -> Classification:
        return self._answer


class NoWarehouse:
    """A warehouse that accepts rows and keeps none."""

    def append(self, outcome: Recorded | Correction) -> None:
        pass

    def query(self, sql: str, **parameters: Any) -> Any:
        raise NotImplementedError


def _idle(pipeline: Pipeline) -> Pipeline:
    models = [NoModel(classifier) for classifier in pipeline.models.served]
    return replace(pipeline, models=ModelRegistry.of(models), warehouse=NoWarehouse())


service._pipeline = _idle(service.pipeline())
