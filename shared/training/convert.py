"""Convert the trained network to files: int8 .tflite for serving, .keras with float16 weights for retraining."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import h5py
import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from shared.bundles.manifest import Explain
from shared.training.feature_map import with_feature_map
from shared.training.quiet import silence

WEIGHTS = "model.weights.h5"
"""The member of a .keras file, which is a zip archive, with its weights."""


def write_int8(network: keras.Model, representative: npt.NDArray[np.uint8], path: Path) -> Explain | None:
    """Convert to a .tflite file that takes one picture as uint8 pixels and returns float32 logits, int8 in between.

    The last feature map is a second output where the network ends with its average and one layer on it.

    Args:
        network: takes pixels 0 to 255, returns logits.
        representative: pictures that the ranges of the activations are measured on, shape (n, height, width, 3).
        path: the file to write.

    Returns:
        The tensors for class activation maps, if the network allows these.
    """
    shape = (1, *representative.shape[1:])
    single = keras.Input(batch_shape=shape, name="pixels")

    def examples() -> Iterator[list[npt.NDArray[np.float32]]]:
        # the ends of the range, so that the input's quantisation is exactly one step a grey level
        yield [np.linspace(0, 255, int(np.prod(shape)), dtype=np.float32).reshape(shape)]
        for pixels in representative:
            yield [pixels[np.newaxis].astype(np.float32)]

    converter = tf.lite.TFLiteConverter.from_keras_model(keras.Model(single, network(single)))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = examples
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.float32
    with silence():
        content, explain = with_feature_map(converter.convert())
    path.write_bytes(content)
    return explain


def write_float16(network: keras.Model, path: Path) -> None:
    """Save a .keras file with its weights in half precision, which ``keras.models.load_model`` opens like any other.

    Args:
        network: not compiled, so no optimizer is saved.
        path: ends in ``.keras``.
    """
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole.keras"
        network.save(whole)
        with zipfile.ZipFile(whole) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
            for name in sorted(source.namelist()):
                content = source.read(name)
                target.writestr(name, _halved(content) if name == WEIGHTS else content)


def _halved(content: bytes) -> bytes:
    """Return a copy of an HDF5 file with its float32 arrays as float16."""
    with h5py.File(io.BytesIO(content)) as source, h5py.File(buffer := io.BytesIO(), "w") as target:

        def copy(name: str, item: h5py.Group | h5py.Dataset) -> None:
            if isinstance(item, h5py.Group):
                copied = target.require_group(name)
            else:
                values = item[()]
                halved = values.astype(np.float16) if values.dtype == np.float32 else values
                copied = target.create_dataset(name, data=halved)
            copied.attrs.update(item.attrs)

        target.attrs.update(source.attrs)
        source.visititems(copy)
    return buffer.getvalue()
