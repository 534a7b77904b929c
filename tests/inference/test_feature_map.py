"""The feature map as second output: what the edit of the .tflite file changes, and that predictions stay the same."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from shared.adapters.runtimes.litert import LiteRTModel
from shared.bundles.bundle import Bundle, load_bundle
from shared.bundles.folders import MODELS
from shared.bundles.manifest import MANIFEST, Explain, manifest_from
from shared.errors import InvalidBundle
from shared.inference.classifier import Classifier, prepare
from shared.training.feature_map import with_feature_map
from shared.wiring import load_model
from tests.inference.pictures import drawn
from tests.writable import copy_tree

SHIPPED = ("flowers_v1", "chest_xray_v1")


@pytest.fixture(params=SHIPPED)
def bundle(request: pytest.FixtureRequest) -> Bundle:
    return load_bundle(MODELS / request.param)


@pytest.fixture
def model(bundle: Bundle) -> LiteRTModel:
    return LiteRTModel(bundle.model_path, explain=bundle.manifest.explain)


def without_second_output(content: bytes) -> bytes:
    """Return a file as the converter wrote it: without the second output, and otherwise unchanged."""
    graph = schema.Model.GetRootAs(edited := bytearray(content), 0).Subgraphs(0)
    start = graph._tab.Vector(graph._tab.Offset(8))
    edited[start - 4 : start] = (1).to_bytes(4, "little")
    return bytes(edited)


def test_shipped_bundle_returns_its_feature_map(bundle: Bundle, model: LiteRTModel) -> None:
    labels = len(bundle.manifest.labels)
    [picture] = [np.asarray(drawn()["daisy"])]
    activation = model.activation(prepare(picture, bundle.manifest.input))

    assert activation is not None
    assert (activation.features.shape, activation.class_weights.shape) == ((7, 7, 1280), (labels, 1280))
    assert activation.features.dtype == activation.class_weights.dtype == np.float32
    assert activation.features.min() >= 0  # the last activation is ReLU6
    assert activation.features.max() <= 6.1


def test_feature_map_output_changes_no_bit_of_the_first_output(
    bundle: Bundle, model: LiteRTModel, tmp_path: Path
) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(without_second_output(bundle.model_path.read_bytes()))
    before = LiteRTModel(path)
    random = np.random.default_rng(0)
    pictures = [prepare(np.asarray(drawing), bundle.manifest.input) for drawing in drawn().values()]
    pictures += [random.integers(0, 256, model.input_shape, np.uint8) for _ in range(10)]

    for picture in pictures:
        expected = before.run(picture)
        activation = model.activation(picture)
        assert activation is not None
        assert np.array_equal(model.run(picture), expected)
        assert np.array_equal(activation.outputs, expected)


def test_feature_map_and_weights_give_the_logits_less_a_bias(bundle: Bundle, model: LiteRTModel) -> None:
    """So the heatmap shows what decided: labels differ in it as in the logits, within int8's precision."""
    biases = []
    for picture in drawn().values():
        activation = model.activation(prepare(np.asarray(picture), bundle.manifest.input))
        assert activation is not None
        biases.append(activation.outputs - activation.features.mean(axis=(0, 1)) @ activation.class_weights.T)

    assert np.std(biases, axis=0).max() < 0.15


def test_signature_names_the_feature_map(bundle: Bundle) -> None:
    interpreter = Interpreter(str(bundle.model_path))

    assert interpreter.get_signature_list()["serving_default"]["outputs"] == ["feature_map", "output_0"]


def test_feature_map_edit_changes_few_bytes_and_appends_the_rest(bundle: Bundle) -> None:
    content = without_second_output(bundle.model_path.read_bytes())
    edited, explain = with_feature_map(content)

    assert explain == Explain("feature_map", "class_weights")
    assert 0 < len(edited) - len(content) < 500
    assert sum(before != after for before, after in zip(content, edited, strict=False)) < 40


def test_feature_map_edit_leaves_an_edited_file_unchanged(bundle: Bundle) -> None:
    content = bundle.model_path.read_bytes()

    assert with_feature_map(content) == (content, bundle.manifest.explain)


def test_feature_map_edit_leaves_a_model_without_its_head_unchanged() -> None:
    assert with_feature_map(sized_alone()) == (sized_alone(), None)


def sized_alone() -> bytes:
    """Return a .tflite model of one layer, a LOGISTIC operator."""
    from flatbuffers import Builder

    model = schema.ModelT()
    model.version = 3
    code, graph = schema.OperatorCodeT(), schema.SubGraphT()
    code.deprecatedBuiltinCode = code.builtinCode = schema.BuiltinOperator.LOGISTIC
    tensors = [schema.TensorT(), schema.TensorT()]
    for name, tensor in zip(("in", "out"), tensors, strict=True):
        tensor.name, tensor.shape, tensor.type = name, [1, 4], schema.TensorType.FLOAT32
    operator = schema.OperatorT()
    operator.inputs, operator.outputs = [0], [1]
    graph.tensors, graph.inputs, graph.outputs, graph.operators = tensors, [0], [1], [operator]
    model.operatorCodes, model.subgraphs, model.buffers = [code], [graph], [schema.BufferT()]
    builder = Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def test_model_opened_without_tensor_names_explains_nothing(bundle: Bundle) -> None:
    model = LiteRTModel(bundle.model_path)

    assert model.outputs == len(bundle.manifest.labels)
    assert model.activation(np.zeros(model.input_shape, np.uint8)) is None


@pytest.mark.parametrize(
    ("explain", "fault"),
    [
        (Explain("nothing", "class_weights"), "2 outputs, expected one of each in addition to 'nothing'"),
        (Explain("feature_map", "nothing"), "no tensor 'nothing', which explain names"),
        (Explain("feature_map", "feature_map"), r"shapes \(1, 7, 7, 1280\) and \(1, 7, 7, 1280\), expected"),
    ],
)
def test_model_refuses_tensor_names_that_do_not_exist(bundle: Bundle, explain: Explain, fault: str) -> None:
    with pytest.raises(InvalidBundle, match=fault):
        LiteRTModel(bundle.model_path, explain=explain)


def test_manifest_keeps_its_explain_part_or_lacks_it(bundle: Bundle) -> None:
    manifest = bundle.manifest
    older = replace(manifest, explain=None)

    assert manifest.as_json()["explain"] == {"feature_map": "feature_map", "class_weights": "class_weights"}
    assert "explain" not in older.as_json()
    for written in (manifest, older):
        faults: list[str] = []
        assert manifest_from(json.loads(json.dumps(written.as_json())), faults) == written
        assert faults == []


@pytest.mark.parametrize("explain", [{}, {"feature_map": "a"}, {"feature_map": "", "class_weights": 7}, "cam"])
def test_manifest_with_an_incomplete_explain_part_has_faults(bundle: Bundle, explain: object) -> None:
    faults: list[str] = []
    manifest_from({**bundle.manifest.as_json(), "explain": explain}, faults)

    assert faults
    assert all(fault.startswith("explain.") for fault in faults)


def test_bundle_without_its_explain_part_classifies_alike(tmp_path: Path) -> None:
    folder = tmp_path / "flowers_v1"
    copy_tree(MODELS / "flowers_v1", folder)
    document = json.loads((folder / MANIFEST).read_text("utf-8"))
    del document["explain"]
    (folder / MANIFEST).write_text(json.dumps(document), "utf-8")

    bundles = [load_bundle(path) for path in (MODELS / "flowers_v1", folder)]
    classifications = [
        Classifier(bundle, load_model(bundle, 1)).classify(np.asarray(drawn()["roses"])) for bundle in bundles
    ]

    assert classifications[0] == classifications[1]
