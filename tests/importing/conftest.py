"""Models of every kind, made by the tests with weights set by hand, so that the right answers are known."""

from __future__ import annotations

import io
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from shared.bundles.bundle import load_bundle
from shared.cli.bundle_import import import_model
from shared.inference.classifier import Classifier
from shared.types import Classification
from shared.wiring import load_model
from tests.importing.metadata import with_metadata

COLOURS = ("red", "green", "blue")
RGB = {"red": (220, 40, 30), "green": (30, 200, 60), "blue": (40, 30, 210)}
HEIGHT, WIDTH = 24, 40


@dataclass(frozen=True)
class Nets:
    """Files of the models, in one folder."""

    folder: Path

    def __getitem__(self, name: str) -> Path:
        return self.folder / name


@pytest.fixture(scope="session")
def nets(tmp_path_factory: pytest.TempPathFactory) -> Nets:
    """What ``_write_all`` writes; TensorFlow is loaded once, here."""
    folder = tmp_path_factory.mktemp("nets")
    _write_all(folder)
    return Nets(folder)


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty pictures of one colour each, in sub-folders, all a little different, and a file that is none."""
    folder, random = tmp_path_factory.mktemp("samples"), np.random.default_rng(0)
    for index in range(60):
        colour = COLOURS[index % 3]
        pixels = np.clip(np.array(RGB[colour]) + random.normal(0, 20, (30, 50, 3)), 0, 255).astype(np.uint8)
        (folder / colour).mkdir(exist_ok=True)
        Image.fromarray(pixels).save(folder / colour / f"{index}.png")
    (folder / "note.txt").write_text("no picture")
    return folder


def imported(path: Path, out: Path, *options: str | Path) -> Result:
    """Run ``bucketlens bundle import``."""
    return CliRunner().invoke(import_model, [str(path), "--out", str(out), *map(str, options)])


def label_of(bundle: Path, colour: tuple[int, int, int]) -> Classification:
    """Return the classification of a picture of one colour."""
    loaded = load_bundle(bundle)
    classifier = Classifier(loaded, load_model(loaded, threads=1))
    return classifier.classify(np.broadcast_to(np.array(colour, np.uint8), (50, 60, 3)).copy())


def knows_colours(bundle: Path, colours: tuple[str, ...] = COLOURS) -> bool:
    """Return whether serving names each colour."""
    return [label_of(bundle, RGB[colour]).label for colour in colours] == list(colours)


def knows_light(bundle: Path) -> bool:
    """Return whether serving separates dark from bright at the brightness of the model."""
    return [label_of(bundle, (level,) * 3).label for level in (30, 115, 140, 230)] == [
        "dark",
        "dark",
        "bright",
        "bright",
    ]


def _write_all(folder: Path) -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow

    keras = tensorflow.keras
    layers = keras.layers

    def colours(
        shape: tuple[int | None, ...], *first: Any, order: str = "channels_last", last: str | None = "softmax"
    ) -> Any:
        """Return a network that names red, green and blue by each channel's mean; by default for pixels from 0 to 1."""
        pooled = layers.GlobalAveragePooling2D(data_format=order)
        network = keras.Sequential([keras.Input(shape), *first, pooled, layers.Dense(3, activation=last)])
        network.layers[-1].set_weights([np.eye(3, dtype=np.float32) * 8, np.zeros(3, np.float32)])
        return network

    def light(shape: tuple[int, ...], last: str | None, slope: float = 40.0, middle: float = 0.5) -> Any:
        """Return a network of one output for dark and bright; by default for pixels from 0 to 1."""
        network = keras.Sequential(
            [keras.Input(shape), layers.GlobalAveragePooling2D(), layers.Dense(1, activation=last)]
        )
        depth = shape[-1]
        weights = np.full((depth, 1), slope / depth, np.float32)
        network.layers[-1].set_weights([weights, np.array([-slope * middle], np.float32)])
        return network

    shape = (HEIGHT, WIDTH, 3)
    network = colours(shape)
    network.save(folder / "colours.keras")
    network.save(folder / "colours.h5")
    network.save_weights(folder / "colours.weights.h5")
    network.export(folder / "saved_model", verbose=False)
    colours(shape, layers.Rescaling(1 / 127.5, -1)).save(folder / "rescaled.keras")
    colours(shape, layers.Rescaling(1 / 255), last=None).export(folder / "rescaled_logits", verbose=False)
    colours(shape, last="tanh").save(folder / "tanh.keras")
    colours((3, 20, 20), order="channels_first").save(folder / "channels_first.keras")
    _channels_first_layers(keras).save(folder / "channels_first_layers.keras")
    colours((None, None, 3)).save(folder / "any_size.keras")
    fragile = colours(shape)
    fragile.layers[-1].set_weights([np.eye(3, dtype=np.float32) * 8 + 1000, np.zeros(3, np.float32)])
    fragile.save(folder / "fragile.keras")
    light((30, 30, 1), "sigmoid").save(folder / "light.h5")
    light((30, 30, 3), None, slope=40 / 255, middle=127.5).save(folder / "light_logit.keras")
    odd = keras.Sequential(
        [keras.Input((16, 16, 3)), layers.Lambda(lambda x: x * 2), layers.Flatten(), layers.Dense(2)]
    )
    odd.save(folder / "code.keras")
    spectrum = keras.Sequential([keras.Input(shape), _rolled(keras), layers.GlobalAveragePooling2D(), layers.Softmax()])
    spectrum.export(folder / "spectrum", verbose=False)

    (folder / "float32.tflite").write_bytes(_tflite(tensorflow, network, shape, None))
    (folder / "first.tflite").write_bytes(
        _tflite(tensorflow, keras.models.load_model(folder / "channels_first.keras"), (3, 20, 20), None)
    )
    for dtype in ("int8", "uint8"):
        (folder / f"{dtype}.tflite").write_bytes(_tflite(tensorflow, network, shape, dtype))
    signed = colours(shape, layers.Identity())
    described = with_metadata(_tflite(tensorflow, signed, shape, None), "red\ngreen\nblue\n")
    (folder / "metadata.tflite").write_bytes(described)
    _write_teachable_machine(folder, folder / "float32.tflite")


def _rolled(keras: Any) -> Any:
    """A layer of an operation that LiteRT has not."""
    import tensorflow

    class Rolled(keras.layers.Layer):  # type: ignore[misc]
        def call(self, pixels: Any) -> Any:
            return tensorflow.math.bessel_i0(pixels)

    return Rolled()


def _channels_first_layers(keras: Any) -> Any:
    """Return a network with layers that TensorFlow runs on GPUs only; they pass their input on to ``colours``."""
    layers, first = keras.layers, {"data_format": "channels_first"}
    network = keras.Sequential(
        [
            keras.Input((3, 20, 28)),
            layers.DepthwiseConv2D(3, padding="same", strides=2, **first),
            layers.MaxPool2D((1, 2), **first),
            layers.Conv2D(3, 1, **first),
            layers.BatchNormalization(axis=1),
            layers.GlobalAveragePooling2D(**first),
            layers.Dense(3, activation="softmax"),
        ]
    )
    centre = np.zeros((3, 3, 3, 1), np.float32)
    centre[1, 1] = 1
    network.layers[0].set_weights([centre, np.zeros(3, np.float32)])
    network.layers[2].set_weights([np.eye(3, dtype=np.float32)[None, None], np.zeros(3, np.float32)])
    network.layers[-1].set_weights([np.eye(3, dtype=np.float32) * 8, np.zeros(3, np.float32)])
    return network


def _tflite(tensorflow: Any, network: Any, shape: tuple[int, ...], dtype: str | None) -> bytes:
    single = tensorflow.keras.Input(batch_shape=(1, *shape))
    converter = tensorflow.lite.TFLiteConverter.from_keras_model(tensorflow.keras.Model(single, network(single)))
    if dtype:
        random = np.random.default_rng(0)
        converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: (
            [random.choice([0, 1], (1, *shape)).astype(np.float32)] for _ in range(20)
        )
        converter.target_spec.supported_ops = [tensorflow.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = getattr(tensorflow, dtype)
    return bytes(converter.convert())


def _write_teachable_machine(folder: Path, tflite: Path) -> None:
    """Its exports, as a folder and as zip files; keras_2.h5 was written by Keras 2, nested as Teachable Machine's."""
    export = folder / "converted_keras"
    export.mkdir()
    (export / "keras_model.h5").write_bytes((Path(__file__).parent / "keras_2.h5").read_bytes())
    (export / "labels.txt").write_text("0 red\n1 green\n")
    with zipfile.ZipFile(folder / "converted_keras.zip", "w") as archive:
        for file in export.iterdir():
            archive.write(file, file.name)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.write(tflite, "model_unquant.tflite")
        archive.writestr("labels.txt", "0 red\n1 green\n2 blue\n")
    (folder / "converted_tflite.zip").write_bytes(content.getvalue())
