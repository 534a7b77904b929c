"""A model that cannot be imported is refused with a message that names the remedy, and nothing is written."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest

from shared.bundles.bundle import load_bundle
from tests.importing.conftest import COLOURS, Nets, imported

pytestmark = pytest.mark.filterwarnings("ignore")  # TensorFlow's own
NAMES = ("--labels", ",".join(COLOURS))


@pytest.mark.parametrize(
    ("model", "options", "sentences"),
    [
        ("colours.h5", ("--scaling", "0..1"), ["does not name its labels", "--labels"]),
        ("colours.h5", ("--scaling", "0..1", "--labels", "red,green"), ["needs 3 labels", "there are 2: red, green"]),
        ("colours.h5", ("--scaling", "0..1", "--labels", "a,a,b"), ["a twice"]),
        ("colours.h5", ("--scaling", "0..1", "--labels", "nowhere.txt"), ["nowhere.txt cannot be read"]),
        ("colours.h5", NAMES, ["--scaling 0..255", "0..1", "-1..1", "imagenet", "caffe", "MEAN,STD"]),
        ("colours.h5", (*NAMES, "--scaling", "0..2"), ["it is '0..2', expected one of"]),
        ("colours.h5", (*NAMES, "--scaling", "0,1"), ["could be either"]),
        ("colours.h5", (*NAMES, "--scaling", "0..1", "--channels-first"), ["not a picture", "channels first"]),
        ("colours.h5", (*NAMES, "--scaling", "0..1", "--precision", "int8"), ["--samples", "--precision float32"]),
        ("tanh.keras", (*NAMES, "--scaling", "0..1"), ["--activation softmax", "sigmoid", "logits"]),
        ("any_size.keras", (*NAMES, "--scaling", "0..1"), ["--size HEIGHTxWIDTH"]),
        ("light.h5", ("--labels", "a,b,c", "--scaling", "0..1"), ["needs 2 labels", "the score of the second"]),
        ("light.h5", ("--labels", "a,b", "--scaling", "0..1", "--positive", "c"), ["--positive is 'c'"]),
        ("light.h5", ("--labels", "a,b", "--scaling", "imagenet"), ["takes one channel"]),
        ("colours.weights.h5", NAMES, ["weights only", "save the whole model"]),
        ("code.keras", ("--labels", "a,b"), ["Lambda", "model.export"]),
        ("spectrum", (*NAMES, "--scaling", "0..1"), ["BesselI0", "--runtime keep"]),
        ("channels_first_layers.keras", (*NAMES, "--scaling", "0..1", "--runtime", "keep"), ["on GPUs only"]),
        ("float32.tflite", (*NAMES, "--scaling", "0..1", "--precision", "float16"), ["served as it is"]),
    ],
)
def test_import_names_what_is_missing_or_wrong(
    nets: Nets, tmp_path: Path, model: str, options: tuple[str, ...], sentences: list[str]
) -> None:
    result = imported(nets[model], tmp_path / "own", *options)
    assert result.exit_code == 2, result.output
    assert [sentence for sentence in sentences if sentence not in result.output] == []
    assert "Traceback" not in result.output
    assert list(tmp_path.iterdir()) == []


def test_import_names_everything_missing_together(nets: Nets, tmp_path: Path) -> None:
    output = imported(nets["tanh.keras"], tmp_path / "own").output
    assert [option for option in ("--labels", "--scaling", "--activation") if option not in output] == []


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("model.h5", b"\x89HDF\r\n\x1a\n" + b"\0" * 500, "damaged"),
        ("model.tflite", b"\x1c\0\0\0TFL3" + b"\0" * 500, "not a .tflite file that this LiteRT can run"),
        ("model.keras", b"PK\x03\x04" + b"\0" * 500, "it is not a model"),
        ("model.onnx", b"\x08\x07\x12\x07pytorch", "onnx2tf"),
        ("model.pt", b"\x80\x02", "ai-edge-torch"),
        ("model.h5", b"", "it is not a model"),
    ],
)
def test_import_refuses_a_file_that_is_not_a_model(tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    (tmp_path / name).write_bytes(content)
    result = imported(tmp_path / name, tmp_path / "own", *NAMES)
    assert result.exit_code == 2
    assert sentence in result.output
    assert not (tmp_path / "own").exists()


def test_import_refuses_half_a_file(nets: Nets, tmp_path: Path) -> None:
    for model in ("colours.keras", "colours.h5", "float32.tflite", "converted_keras.zip"):
        half = tmp_path / model
        half.write_bytes(nets[model].read_bytes()[: nets[model].stat().st_size // 2])
        result = imported(half, tmp_path / "own", *NAMES, "--scaling", "0..1")
        assert result.exit_code == 2, (model, result.output)
        assert not (tmp_path / "own").exists()


def test_import_refuses_a_folder_without_a_model_or_with_several(nets: Nets, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    assert "it holds none" in imported(tmp_path / "model", tmp_path / "own", *NAMES).output
    (tmp_path / "model" / "model.json").write_text("{}")
    assert "instead of Tensorflow.js" in imported(tmp_path / "model", tmp_path / "own", *NAMES).output
    for name in ("a.tflite", "b.tflite"):
        (tmp_path / "model" / name).write_bytes(nets["float32.tflite"].read_bytes())
    assert "2 models (a.tflite, b.tflite)" in imported(tmp_path / "model", tmp_path / "own", *NAMES).output


def test_archive_cannot_write_outside_its_folder(nets: Nets, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr("../../escaped.txt", "x")
        archive.write(nets["float32.tflite"], "model_unquant.tflite")
        archive.writestr("labels.txt", "0 red\n1 green\n2 blue\n")
    before = set(tmp_path.parent.iterdir())
    assert imported(tmp_path / "export.zip", tmp_path / "own").exit_code == 0
    assert set(tmp_path.parent.iterdir()) == before


def test_import_replaces_a_bundle_only_by_force(nets: Nets, tmp_path: Path) -> None:
    options = (*NAMES, "--scaling", "0..1")
    assert imported(nets["float32.tflite"], tmp_path / "own", *options).exit_code == 0
    digest = load_bundle(tmp_path / "own").digest
    refused = imported(nets["float32.tflite"], tmp_path / "own", *options, "--threshold", "0.5")
    assert refused.exit_code == 2
    assert "--force" in refused.output
    assert load_bundle(tmp_path / "own").digest == digest
    assert imported(nets["float32.tflite"], tmp_path / "own", *options, "--name", "other", "--force").exit_code == 0
    assert load_bundle(tmp_path / "own").manifest.name == "other"
    assert [path.name for path in tmp_path.iterdir()] == ["own"]


def test_import_never_replaces_a_folder_that_is_not_a_bundle(nets: Nets, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"mine")
    refused = imported(nets["float32.tflite"], tmp_path, *NAMES, "--scaling", "0..1", "--force")
    assert refused.exit_code == 2
    assert (tmp_path / "photo.jpg").read_bytes() == b"mine"


def test_keras_file_needs_tensorflow_and_names_the_installation(
    nets: Nets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    result = imported(nets["colours.h5"], tmp_path / "own", *NAMES)
    assert result.exit_code == 2
    assert "needs TensorFlow" in result.output
    assert "requirements.txt" in result.output
