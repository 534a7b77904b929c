"""Files of Keras 2 are imported like those of Keras 3: .keras and .h5, of TensorFlow 2.15 and of tf_keras."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared.importing.keras_file import open_keras
from tests.importing.conftest import imported
from tests.importing.keras_2_shape import write_as_keras_2

pytestmark = pytest.mark.filterwarnings("ignore")  # TensorFlow's own
SHAPE = (16, 20, 3)


def _sequential(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.Rescaling(1 / 255),
            layers.DepthwiseConv2D(3),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )


def _residual(keras: Any) -> Any:
    layers = keras.layers
    pixels = keras.Input(SHAPE)
    x = layers.Conv2D(4, 3, padding="same")(pixels)
    x = layers.Add()([x, layers.SeparableConv2D(4, 3, padding="same")(x)])
    return keras.Model(pixels, layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(x)))


def _nested(keras: Any) -> Any:
    layers = keras.layers
    pixels = keras.Input(SHAPE)
    augmented = keras.Sequential([keras.Input(SHAPE), layers.RandomFlip(), layers.RandomRotation(0.1)])(pixels)
    inner = keras.Input(SHAPE)
    base = keras.Model(inner, layers.Conv2D(4, 3, activation="relu")(inner), name="base")
    x = layers.GlobalAveragePooling2D()(base(augmented))
    return keras.Model(pixels, layers.Dense(3, activation="softmax")(x))


@pytest.mark.parametrize("make", [_sequential, _residual, _nested])
@pytest.mark.parametrize("version", ["2.15.0", "2.21.0"])
def test_keras_2_file_returns_what_it_returned_in_keras_2(tmp_path: Path, make: Any, version: str) -> None:
    import tensorflow

    network = make(tensorflow.keras)
    network.save(tmp_path / "now.keras")
    write_as_keras_2(tmp_path / "now.keras", tmp_path / "then.keras", version)
    picture = np.random.default_rng(0).uniform(0, 255, (1, *SHAPE)).astype(np.float32)
    opened = open_keras(tmp_path / "then.keras")
    assert np.allclose(opened(picture, training=False), network(picture, training=False), atol=1e-5)


def test_keras_2_file_with_a_custom_layer_is_refused(tmp_path: Path) -> None:
    described = {
        "class_name": "Sequential",
        "config": {"name": "own", "layers": [{"class_name": "Mine", "config": {"name": "mine"}}]},
    }
    with zipfile.ZipFile(tmp_path / "own.keras", "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "2.15.0"}))
        archive.writestr("config.json", json.dumps(described))
    output = imported(tmp_path / "own.keras", tmp_path / "out", "--labels", "a,b").output
    assert "layers" in output
    assert "model.export" in output


def test_keras_2_file_never_runs_code(tmp_path: Path) -> None:
    import tensorflow

    keras = tensorflow.keras
    network = keras.Sequential([keras.Input(SHAPE), keras.layers.Lambda(lambda x: x * 2), keras.layers.Flatten()])
    network.save(tmp_path / "now.keras")
    write_as_keras_2(tmp_path / "now.keras", tmp_path / "then.keras")
    result = imported(tmp_path / "then.keras", tmp_path / "out", "--labels", "a,b")
    assert result.exit_code == 2
    assert "Lambda" in result.output


@pytest.mark.parametrize("config", [b"{", b"[]", b'{"class_name": 1}', b'{"class_name": "Sequential", "config": 3}'])
def test_keras_2_file_with_a_damaged_description_is_refused(tmp_path: Path, config: bytes) -> None:
    with zipfile.ZipFile(tmp_path / "bad.keras", "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "2.15.0"}))
        archive.writestr("config.json", config)
    result = imported(tmp_path / "bad.keras", tmp_path / "out", "--labels", "a,b")
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_keras_file_in_half_precision_is_served_in_float32(tmp_path: Path) -> None:
    import tensorflow

    keras = tensorflow.keras
    half = keras.DTypePolicy("mixed_float16")
    pixels = keras.Input(SHAPE)
    x = keras.layers.Conv2D(4, 3, dtype=half)(keras.layers.Rescaling(1 / 255, dtype=half)(pixels))
    x = keras.layers.Dense(3, activation="softmax", dtype=half)(keras.layers.GlobalAveragePooling2D(dtype=half)(x))
    network = keras.Model(pixels, x)
    network.save(tmp_path / "half.keras")
    result = imported(tmp_path / "half.keras", tmp_path / "own", "--labels", "a,b,c")
    assert result.exit_code == 0, result.output
    network.export(tmp_path / "half", verbose=False)
    refused = imported(tmp_path / "half", tmp_path / "other", "--labels", "a,b,c")
    assert refused.exit_code == 2
    assert "half precision" in refused.output
