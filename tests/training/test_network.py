"""The network is the published one: with its ImageNet weights and classifier it knows what a photograph shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_image

keras = pytest.importorskip("keras")
pytest.importorskip("tensorflow")

from shared.adapters.runtimes.litert import LiteRTModel  # noqa: E402
from shared.errors import Misconfigured  # noqa: E402
from shared.inference.classifier import prepare  # noqa: E402
from shared.training.backbones import BACKBONES  # noqa: E402
from shared.training.convert import write_float16, write_int8  # noqa: E402
from shared.training.fit import Recipe  # noqa: E402
from shared.training.network import build_network, freeze, load_pretrained, pretrained_path, resized  # noqa: E402
from shared.training.torch_weights import arrays_from  # noqa: E402

IMAGENET_DAISY = 985
IMAGENET_CLASSES = 1000
PARAMETERS = 4_652_008
"""Of EfficientNet-Lite0 with 1,000 classes, as published: without the statistics of BatchNorm."""

# Keras 3 converts TensorFlow's tensors in a way that NumPy 2 deprecates
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def flower() -> np.ndarray:
    """Scikit-learn's photograph of a dahlia, fitted to 224 px: ImageNet has no dahlia, a daisy comes nearest."""
    return prepare(load_sample_image("flower.jpg"), Recipe().input_spec(224))


@pytest.fixture(scope="module")
def network() -> Any:
    network = build_network(224, IMAGENET_CLASSES)
    load_pretrained(network)
    arrays = arrays_from(pretrained_path())
    network.get_layer("logits").set_weights([arrays["_fc.weight"].T, arrays["_fc.bias"]])
    return network


def _logits(network: Any, pixels: np.ndarray) -> np.ndarray:
    return np.asarray(network(pixels.astype(np.float32), training=False))


def test_network_of_imagenet_takes_a_dahlia_for_a_daisy(network: Any, flower: np.ndarray) -> None:
    assert int(_logits(network, flower).argmax()) == IMAGENET_DAISY


def test_network_freezes_every_batch_norm_and_nothing_else(network: Any) -> None:
    frozen = {type(layer).__name__ for layer in network.layers if layer.weights and not layer.trainable}

    assert frozen == {"BatchNormalization"}
    assert len(network.trainable_variables) == 51
    counted = [weight for weight in network.weights if "moving" not in weight.path]
    assert sum(int(np.prod(weight.shape)) for weight in counted) == PARAMETERS


def test_network_resized_has_the_same_weights(network: Any, flower: np.ndarray) -> None:
    larger = resized(network, 256)

    assert larger.input_shape == (None, 256, 256, 3)
    pixels = prepare(np.asarray(Image.fromarray(flower[0])), Recipe().input_spec(256))
    assert int(_logits(larger, pixels).argmax()) == IMAGENET_DAISY


def test_network_saved_in_half_precision_returns_the_same_logits(
    network: Any, flower: np.ndarray, tmp_path: Path
) -> None:
    path = tmp_path / "model.keras"

    write_float16(network, path)
    loaded = keras.models.load_model(path)

    assert path.stat().st_size < 2.2 * network.count_params()
    assert {weight.dtype for weight in loaded.weights} == {"float32"}
    assert _logits(loaded, flower) == pytest.approx(_logits(network, flower), abs=0.1)


def test_int8_model_takes_pixels_and_returns_nearly_the_same_logits(tmp_path: Path, flower: np.ndarray) -> None:
    keras.utils.set_random_seed(1)
    small = build_network(64, 4)
    load_pretrained(small)
    random = np.random.default_rng(0)
    pictures = np.stack(
        [np.asarray(Image.fromarray(flower[0]).rotate(angle).resize((64, 64))) for angle in random.uniform(0, 360, 20)]
    )

    explain = write_int8(small, pictures, tmp_path / "model.tflite")
    model = LiteRTModel(tmp_path / "model.tflite", explain=explain)

    assert (model.input_shape, model.input_dtype, model.outputs) == ((1, 64, 64, 3), "uint8", 4)
    expected_logits = _logits(small, pictures)
    int8_logits = np.stack([model.run(picture[np.newaxis]) for picture in pictures])
    assert np.abs(int8_logits - expected_logits).mean() < 0.1 * expected_logits.std() + 0.02
    activation = model.activation(pictures[:1])
    assert activation is not None
    assert (activation.features.shape, activation.class_weights.shape) == ((2, 2, 1280), (4, 1280))
    assert np.array_equal(activation.outputs, int8_logits[0])
    bias = small.get_layer("logits").get_weights()[1]
    shares = activation.features.mean(axis=(0, 1)) @ activation.class_weights.T + bias
    assert np.abs(shares - activation.outputs).max() < 0.1 * expected_logits.std() + 0.02


@pytest.mark.parametrize(("name", "published"), [("efficientnet-lite1", 5_416_680), ("efficientnet-lite2", 6_092_072)])
def test_larger_lites_have_as_many_parameters_as_published(name: str, published: int) -> None:
    network = build_network(64, IMAGENET_CLASSES, name=name)

    counted = [weight for weight in network.weights if "moving" not in weight.path]
    assert sum(int(np.prod(weight.shape)) for weight in counted) == published


@pytest.mark.parametrize("name", ["efficientnet-lite1", "efficientnet-lite2"])
def test_larger_lites_know_a_flower(name: str) -> None:
    pytest.importorskip(BACKBONES[name].package.replace("-", "_"))
    size = BACKBONES[name].image_size
    network = build_network(size, IMAGENET_CLASSES, name=name)
    load_pretrained(network)
    arrays = arrays_from(pretrained_path(name))
    network.get_layer("logits").set_weights([arrays["_fc.weight"].T, arrays["_fc.bias"]])

    pixels = prepare(load_sample_image("flower.jpg"), Recipe().input_spec(size))

    # It is an orange dahlia, which ImageNet has no class for: a honeycomb or a bee come first with the largest.
    assert IMAGENET_DAISY in _logits(network, pixels)[0].argsort()[-30:]


def test_network_frozen_blocks_do_not_learn() -> None:
    network = build_network(32, 2)

    freeze(network, 3)

    learning = {variable.path.split("/")[0] for variable in network.trainable_variables}
    assert not any(name.startswith(("conv_stem", "blocks-0-", "blocks-1-", "blocks-2-")) for name in learning)
    assert {"blocks-3-expand_conv", "conv_head", "logits"} <= learning


@pytest.mark.parametrize("name", ["mobilenet-v3-small", "mobilenet-v2"])
def test_keras_networks_take_pixels_and_return_logits(name: str) -> None:
    network = build_network(64, 3, name=name)
    smaller = resized(network, 32)

    assert network.output_shape == (None, 3)
    assert smaller.input_shape == (None, 32, 32, 3)
    assert not any(layer.trainable for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization))
    with pytest.raises(Misconfigured, match="only an EfficientNet-Lite"):
        freeze(network, 1)


def test_network_names_weights_that_cannot_be_downloaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(keras.config, "keras_home", lambda: str(tmp_path), raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    for scheme in ("http_proxy", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(scheme, "http://127.0.0.1:9")  # the port of RFC 863, where nobody listens
    network = build_network(64, 3, name="mobilenet-v3-small")

    with pytest.raises(Misconfigured, match=r"MobileNetV3Small.*cannot be downloaded.*--backbone efficientnet-lite0"):
        load_pretrained(network)
