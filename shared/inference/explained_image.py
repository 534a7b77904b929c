"""Explain the bytes of an image file, and draw the explanation: the steps that endpoints and commands share."""

from __future__ import annotations

from dataclasses import dataclass

import PIL.Image

from shared.bundles.manifest import InputSpec
from shared.images.decode import Limits, decode
from shared.images.memory_budget import MIB, UNLIMITED, MemoryBudget
from shared.inference.classifier import Classifier
from shared.inference.explain import Explanation, Heat, OnRun, explain, over_picture
from shared.inference.from_bytes import DEFAULT_LIMITS, decode_for
from shared.inference.heatmap import LONGEST_EDGE_PX, draw_heatmap, shorter_edge_px
from shared.types import Image, Pixels

HEATMAP_BYTES = 24 * MIB
"""Memory limit of a picture and its copies while the heatmap is drawn over it."""


@dataclass(frozen=True, slots=True)
class ExplainedImage:
    """An image that was decoded for a model, and the explanation of one label."""

    image: Image
    explanation: Explanation
    input: InputSpec
    """The model's input."""

    def heat_over_picture(self, longest: int) -> Heat:
        """Return the heatmap of the whole picture, in its proportions, with ``longest`` rows or columns at most."""
        return over_picture(self.explanation.heat, self.input, (self.image.width_px, self.image.height_px), longest)

    def draw_on(self, pixels: Pixels) -> PIL.Image.Image:
        """Draw the heatmap over pixels from ``decode_to_show``; takes up to ``HEATMAP_BYTES`` of memory."""
        return draw_heatmap(pixels, self.heat_over_picture(LONGEST_EDGE_PX // 4))


def explain_bytes(
    classifier: Classifier,
    content: bytes,
    label: str | None = None,
    on_run: OnRun | None = None,
    *,
    limits: Limits = DEFAULT_LIMITS,
    budget: MemoryBudget = UNLIMITED,
) -> ExplainedImage:
    """Decode an image as ``classify_bytes`` does, and explain it as ``explain`` does, with their errors."""
    image = decode_for(classifier, content, limits, budget)
    explanation = explain(classifier, image.pixels, label, on_run)
    return ExplainedImage(image, explanation, classifier.bundle.manifest.input)


def decode_to_show(
    content: bytes, decoded: Image, limits: Limits = DEFAULT_LIMITS, budget: MemoryBudget = UNLIMITED
) -> Image:
    """Decode an image again, at the larger scale that people look at. Raises as ``images.decode.decode``.

    Args:
        content: the bytes of the image file.
        decoded: the image as decoded for the model.
        limits: the largest image that is decoded.
        budget: memory, shared by all decodes of the process.
    """
    edge_px = shorter_edge_px((decoded.width_px, decoded.height_px))
    return decode(content, limits, shrink_to_px=edge_px, budget=budget)
