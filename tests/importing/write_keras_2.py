"""Write models as Keras 2 saves them: run by the Python of an environment that has TensorFlow 2.15, or tf_keras.

    python write_keras_2.py tensorflow.keras FOLDER

For each kind there is ``KIND.keras``, ``KIND.h5`` and ``KIND.npz``: a picture, and the model's output for it.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

SIDE = 32
KINDS = (
    *("tutorial", "functional", "residual", "augmented", "transfer"),
    *("nested", "efficientnet", "depthwise", "branches"),
)


def write_all(keras: Any, folder: Path) -> None:
    """Write a model of each of ``KINDS`` into a folder."""
    random = np.random.default_rng(0)
    for kind in KINDS:
        keras.backend.clear_session()
        keras.utils.set_random_seed(1)
        network = MAKERS[kind](keras, keras.layers)
        for layer in _all_layers(network):
            if type(layer).__name__ == "BatchNormalization":
                # as if it had been trained: each of its four arrays is another
                sizes = [weights.shape for weights in layer.get_weights()]
                layer.set_weights([random.uniform(0.5, 1.5, size) for size in sizes])
        picture = random.uniform(0, 255, (1, SIDE, SIDE, 3)).astype(np.float32)
        np.savez(folder / f"{kind}.npz", picture=picture, said=np.asarray(network(picture, training=False)))
        network.save(folder / f"{kind}.keras")
        network.save(folder / f"{kind}.h5")


def _all_layers(network: Any) -> list[Any]:
    layers = []
    for layer in network.layers:
        layers += _all_layers(layer) if hasattr(layer, "layers") else [layer]
    return layers


def _tutorial(keras: Any, layers: Any) -> Any:
    return keras.Sequential(
        [
            layers.Rescaling(1 / 255, input_shape=(SIDE, SIDE, 3)),
            layers.Conv2D(4, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Dropout(0.2),
            layers.Flatten(),
            layers.Dense(8, activation="relu"),
            layers.Dense(3, activation="softmax"),
        ]
    )


def _functional(keras: Any, layers: Any) -> Any:
    pixels = keras.Input((SIDE, SIDE, 3))
    x = layers.Rescaling(1 / 255)(pixels)
    x = layers.Conv2D(4, 3, kernel_regularizer=keras.regularizers.l2(1e-4))(x)
    x = layers.Activation("relu")(layers.BatchNormalization()(x))
    return keras.Model(pixels, layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(x)))


def _residual(keras: Any, layers: Any) -> Any:
    pixels = keras.Input((SIDE, SIDE, 3))
    x = layers.Conv2D(8, 3, strides=2, padding="same")(layers.Rescaling(1 / 255)(pixels))
    x = layers.BatchNormalization()(x)
    beside = x
    for _ in range(2):
        x = layers.BatchNormalization()(layers.SeparableConv2D(8, 3, padding="same")(layers.Activation("relu")(x)))
    x = layers.add([x, beside])
    x = layers.Dropout(0.5)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(pixels, layers.Dense(1, activation="sigmoid")(x))


def _augmented(keras: Any, layers: Any) -> Any:
    pixels = keras.Input((SIDE, SIDE, 3))
    augmentation = keras.Sequential(
        [
            layers.RandomFlip("horizontal"),
            layers.RandomRotation(0.1),
            layers.RandomZoom(0.1),
            layers.RandomContrast(0.1),
            layers.RandomTranslation(0.1, 0.1),
        ]
    )
    x = layers.Conv2D(4, 3, activation="relu")(layers.Rescaling(1 / 255)(augmentation(pixels)))
    return keras.Model(pixels, layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(x)))


def _mobilenet(keras: Any) -> Any:
    return keras.applications.MobileNetV2(input_shape=(SIDE, SIDE, 3), include_top=False, weights=None, alpha=0.35)


def _transfer(keras: Any, layers: Any) -> Any:
    pixels = keras.Input((SIDE, SIDE, 3))
    x = _mobilenet(keras)(layers.Rescaling(1 / 127.5, offset=-1)(pixels), training=False)
    return keras.Model(pixels, layers.Dense(3)(layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(x))))


def _nested(keras: Any, layers: Any) -> Any:
    head = keras.Sequential([layers.Dense(8, activation="relu", input_shape=(1280,)), layers.Dense(3)])
    return keras.Sequential([_mobilenet(keras), layers.GlobalAveragePooling2D(), head, layers.Softmax()])


def _efficientnet(keras: Any, layers: Any) -> Any:
    base = keras.applications.EfficientNetB0(input_shape=(SIDE, SIDE, 3), include_top=False, weights=None)
    x = layers.GlobalAveragePooling2D()(base.output)
    return keras.Model(base.input, layers.Dense(3, activation="softmax")(x))


def _depthwise(keras: Any, layers: Any) -> Any:
    return keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 3)),
            layers.DepthwiseConv2D(3, padding="same"),
            layers.LeakyReLU(alpha=0.2),
            layers.Conv2DTranspose(4, 3, strides=2),
            layers.PReLU(shared_axes=[1, 2]),
            layers.Normalization(mean=[1.0, 2.0, 3.0, 4.0], variance=[1.0, 4.0, 9.0, 16.0]),
            layers.GlobalMaxPooling2D(),
            layers.Dense(3, activation="softmax"),
        ]
    )


def _branches(keras: Any, layers: Any) -> Any:
    pixels = keras.Input((SIDE, SIDE, 3), name="picture")
    small = layers.Conv2D(4, 1, activation="relu")(pixels)
    large = layers.Conv2D(4, 5, activation="swish")(layers.ZeroPadding2D(2)(pixels))
    both = layers.Concatenate()([small, large, layers.multiply([small, large])])
    both = layers.LayerNormalization()(layers.AveragePooling2D()(both))
    return keras.Model(pixels, layers.Dense(3, activation="softmax", name="label")(layers.Flatten()(both)))


MAKERS = {
    "tutorial": _tutorial,
    "functional": _functional,
    "residual": _residual,
    "augmented": _augmented,
    "transfer": _transfer,
    "nested": _nested,
    "efficientnet": _efficientnet,
    "depthwise": _depthwise,
    "branches": _branches,
}

if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    package, _, attribute = sys.argv[1].partition(".")
    module = importlib.import_module(package)
    write_all(getattr(module, attribute) if attribute else module, Path(sys.argv[2]))
