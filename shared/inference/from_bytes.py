"""Classify the bytes of an image file: the steps that uploads, requests and the command line share."""

from __future__ import annotations

from shared.bundles.manifest import InputSpec
from shared.images.decode import Limits, decode
from shared.images.memory_budget import UNLIMITED, MemoryBudget
from shared.inference.classifier import Classifier
from shared.types import Classification, Image

DEFAULT_LIMITS = Limits()


def decode_for(
    classifier: Classifier, content: bytes, limits: Limits = DEFAULT_LIMITS, budget: MemoryBudget = UNLIMITED
) -> Image:
    """Decode an image at the reduced scale that a model's input needs. Raises as ``images.decode.decode``.

    Args:
        classifier: the model.
        content: the bytes of the image file.
        limits: the largest image that is decoded.
        budget: memory, shared by all decodes of the process.
    """
    return decode_to_fit(classifier.bundle.manifest.input, content, limits, budget)


def decode_to_fit(
    spec: InputSpec, content: bytes, limits: Limits = DEFAULT_LIMITS, budget: MemoryBudget = UNLIMITED
) -> Image:
    """Decode an image at the reduced scale that an input needs, as ``decode_for`` does for a classifier."""
    return decode(content, limits, shrink_to_px=spec.long_edge_px, budget=budget)


def classify_bytes(
    classifier: Classifier, content: bytes, limits: Limits = DEFAULT_LIMITS, budget: MemoryBudget = UNLIMITED
) -> Classification:
    """Decode and classify an image in the same way as an upload. Arguments and errors are those of ``decode_for``.

    Raises:
        RuntimeError: an output of the model is NaN or infinite.
    """
    return classifier.classify(decode_for(classifier, content, limits, budget).pixels)
