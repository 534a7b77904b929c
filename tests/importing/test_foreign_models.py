"""Peculiarities of user models: augmentation, file operations, repeated labels, outputs that are not labels."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared.bundles.bundle import load_bundle
from shared.importing.labels import labels_from, labels_in, without_repeats
from tests.importing.conftest import COLOURS, RGB, Nets, imported, label_of

pytestmark = pytest.mark.filterwarnings("ignore")  # TensorFlow's own
NAMES = ("--labels", ",".join(COLOURS))
SHAPE = (16, 20, 3)


def _colours(*first: Any) -> Any:
    import tensorflow

    keras = tensorflow.keras
    network = keras.Sequential(
        [
            keras.Input(SHAPE),
            *first,
            keras.layers.Rescaling(1 / 255),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    network.layers[-1].set_weights([np.eye(3, dtype=np.float32) * 8, np.zeros(3, np.float32)])
    return network


def test_saved_model_that_augments_at_random_is_refused(tmp_path: Path) -> None:
    import tensorflow

    keras = tensorflow.keras
    network = _colours(keras.layers.RandomFlip(), keras.layers.RandomContrast(0.2))
    network.export(tmp_path / "switched_on", verbose=False)
    refused = imported(tmp_path / "switched_on", tmp_path / "own", *NAMES)
    assert refused.exit_code == 2
    assert "changes pictures at random" in refused.output
    assert "training=False" in refused.output
    archive = keras.export.ExportArchive()
    archive.track(network)
    spec = [tensorflow.TensorSpec((None, *SHAPE), "float32")]
    archive.add_endpoint("serve", lambda pictures: network(pictures, training=False), spec)
    archive.write_out(tmp_path / "switched_off", verbose=False)
    network.save(tmp_path / "network.keras")
    for model in ("switched_off", "network.keras"):
        result = imported(tmp_path / model, tmp_path / f"of_{model}", *NAMES)
        assert result.exit_code == 0, result.output
        assert label_of(tmp_path / f"of_{model}", RGB["green"]).label == "green"


def test_saved_model_that_touches_files_is_refused_before_it_runs(tmp_path: Path) -> None:
    import tensorflow

    class Writer(tensorflow.Module):  # type: ignore[misc]
        @tensorflow.function(input_signature=[tensorflow.TensorSpec((None, *SHAPE), tensorflow.float32)])  # type: ignore[untyped-decorator]
        def serve(self, pictures: Any) -> Any:
            tensorflow.io.write_file(str(tmp_path / "written"), "x")
            return tensorflow.reduce_mean(pictures, [1, 2])

    writer = Writer()
    tensorflow.saved_model.save(writer, str(tmp_path / "model"), signatures=writer.serve)
    result = imported(tmp_path / "model", tmp_path / "own", *NAMES, "--scaling", "0..255", "--activation", "logits")
    assert result.exit_code == 2
    assert "reads or writes files (WriteFile)" in result.output
    assert not (tmp_path / "written").exists()


@pytest.mark.parametrize("file", ["labels.txt", "inside"])
def test_labels_repeated_in_a_file_are_numbered_with_a_remark(nets: Nets, tmp_path: Path, file: str) -> None:
    model, options = tmp_path / "model.tflite", ["--scaling", "0..1"]
    model.write_bytes(nets["float32.tflite"].read_bytes())
    if file == "inside":
        content = io.BytesIO(model.read_bytes())
        with zipfile.ZipFile(content, "a") as archive:
            archive.writestr("labels.txt", "crane\nmaillot\ncrane\n")
        model.write_bytes(content.getvalue())
    else:
        (tmp_path / file).write_text("crane\nmaillot\ncrane\n")
        options += ["--labels", str(tmp_path / file)]
    result = imported(model, tmp_path / "own", *options)
    assert result.exit_code == 0, result.output
    assert load_bundle(tmp_path / "own").manifest.labels == ("crane", "maillot", "crane 2")
    assert "numbered from their second on: crane" in result.output


def test_labels_are_numbered_without_a_new_repeat() -> None:
    assert without_repeats(("a", "b", "a", "a", "a 2"))[0] == ("a", "b", "a 3", "a 4", "a 2")
    assert without_repeats(("a", "b")) == (("a", "b"), None)


def test_labels_of_numbers_keep_their_numbers() -> None:
    assert labels_in("0 people\n1 people\n2 people\n") == ("0 people", "1 people", "2 people")
    assert labels_in("daisy,0\nrose,1\n") == ("daisy", "rose")
    many = [f"name{number % 150}" for number in range(200)]
    assert labels_in("\n".join(f"{number} {name}" for number, name in enumerate(many))) == tuple(many)


def test_labels_typed_twice_are_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("a\nb\na\n")
    assert labels_from(str(tmp_path / "labels.txt")) == ("a", "b", "a")


@pytest.mark.parametrize("shape", [(84, 21), (8, 8, 21)])
def test_outputs_that_are_not_a_row_of_labels_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    """As detection and segmentation have them."""
    import tensorflow

    keras = tensorflow.keras
    pixels = keras.Input(SHAPE, batch_size=1)
    pooled = keras.layers.GlobalAveragePooling2D()(pixels)
    network = keras.Model(pixels, keras.layers.Reshape(shape)(keras.layers.Dense(int(np.prod(shape)))(pooled)))
    network.save(tmp_path / "model.keras")
    converter = tensorflow.lite.TFLiteConverter.from_keras_model(network)
    (tmp_path / "model.tflite").write_bytes(converter.convert())
    for file in ("model.keras", "model.tflite"):
        result = imported(tmp_path / file, tmp_path / "own", *NAMES, "--scaling", "0..1")
        assert result.exit_code == 2
        assert f"it returns shape {(1, *shape)} for one picture" in result.output
        assert "those that classify can" in result.output


@pytest.mark.parametrize("as_text", [str, json.dumps])
def test_labels_are_read_from_the_description_of_ultralytics(nets: Nets, tmp_path: Path, as_text: Any) -> None:
    described = {"description": "Ultralytics model", "task": "classify", "names": {0: "red", 1: "green", 2: "blue"}}
    content = io.BytesIO(nets["float32.tflite"].read_bytes())
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr("temp_meta.txt", as_text(described))
    (tmp_path / "best.tflite").write_bytes(content.getvalue())
    assert imported(tmp_path / "best.tflite", tmp_path / "own", "--scaling", "0..1").exit_code == 0
    assert load_bundle(tmp_path / "own").manifest.labels == COLOURS


def test_keras_layers_without_weights_are_refused(tmp_path: Path) -> None:
    import tensorflow

    (tmp_path / "architecture.json").write_text(_colours().to_json())
    output = imported(tmp_path / "architecture.json", tmp_path / "own", *NAMES).output
    assert "has no weights" in output
    assert "Teachable" not in output.split("has no weights")[0]
    assert tensorflow is not None


def test_input_type_that_is_not_served_is_refused_first(nets: Nets, tmp_path: Path) -> None:
    """Integers of 16 bits as an input: without --scaling, which would be in vain."""
    import tensorflow

    converter = tensorflow.lite.TFLiteConverter.from_keras_model(_colours())
    converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
    random = np.random.default_rng(0)
    converter.representative_dataset = lambda: (
        [random.uniform(0, 255, (1, *SHAPE)).astype(np.float32)] for _ in range(10)
    )
    int16 = tensorflow.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
    converter.target_spec.supported_ops = [int16]
    converter.inference_input_type = converter.inference_output_type = tensorflow.int16
    (tmp_path / "model.tflite").write_bytes(converter.convert())
    output = imported(tmp_path / "model.tflite", tmp_path / "own", *NAMES).output
    assert "it takes int16" in output
    assert "--scaling" not in output


def test_int8_keeps_what_a_softmax_of_256_steps_would_lose(nets: Nets, tmp_path: Path, samples: Path) -> None:
    """The softmax is cut off and computed in serving: small scores are small, not nothing."""
    assert imported(nets["rescaled.keras"], tmp_path / "int8", *NAMES, "--samples", samples).exit_code == 0
    assert imported(nets["rescaled.keras"], tmp_path / "float32", *NAMES).exit_code == 0
    assert load_bundle(tmp_path / "int8").manifest.activation == "logits"
    for colour in COLOURS:
        exact = label_of(tmp_path / "float32", RGB[colour]).candidates
        int8 = label_of(tmp_path / "int8", RGB[colour]).candidates
        assert [candidate.label for candidate in int8] == [candidate.label for candidate in exact]
        ratios = [a.score / b.score for a, b in zip(int8, exact, strict=True)]
        assert max(abs(np.log(ratios))) < 0.5
