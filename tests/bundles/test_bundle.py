"""A bundle is checked completely on loading, and all faults are named together."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from shared.bundles.bundle import digest_of, load_bundle
from shared.bundles.folders import MODELS
from shared.bundles.manifest import InputSpec, Manifest, Threshold, write_manifest
from shared.errors import InvalidBundle
from shared.inference.classifier import Classifier
from shared.wiring import load_model

SERVED_BYTES = 10_000_000
KERAS_BYTES = 8_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A valid bundle; its model is a file of any bytes, since loading does not open it."""
    folder = tmp_path / "cats_v1"
    folder.mkdir()
    (folder / "model.tflite").write_bytes(b"any bytes")
    (folder / "labels.txt").write_text("cat\ndog\n", "utf-8")
    manifest = Manifest(
        name="cats",
        version="1",
        description="",
        runtime="litert",
        model_file="model.tflite",
        labels=("cat", "dog"),
        input=InputSpec(64, 64, "uint8", 1.0, 0.0, "crop", "bicubic"),
        activation="logits",
        temperature=1.0,
        review_below=0.6,
        metrics={},
        lineage={},
        files={name: digest_of(folder / name) for name in ("model.tflite", "labels.txt")},
    )
    write_manifest(folder, manifest)
    return folder


@pytest.fixture
def edit(folder: Path) -> Callable[[Callable[[dict[str, Any]], object]], None]:
    """Return a function that changes the manifest on disk."""

    def apply(change: Callable[[dict[str, Any]], object]) -> None:
        path = folder / "manifest.json"
        document = json.loads(path.read_text("utf-8"))
        change(document)
        path.write_text(json.dumps(document), "utf-8")

    return apply


class _Model:
    """A model with a chosen input and number of outputs."""

    def __init__(self, shape: tuple[int, ...], dtype: str, outputs: int) -> None:
        self.input_shape, self.input_dtype, self.outputs = shape, dtype, outputs

    def run(self, batch: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        return np.zeros(self.outputs, np.float32)


def _faults(folder: Path) -> str:
    with pytest.raises(InvalidBundle) as refused:
        load_bundle(folder)
    return "\n".join(refused.value.faults)


def test_bundle_loads_as_it_was_written(folder: Path) -> None:
    bundle = load_bundle(folder)

    assert bundle.manifest.labels == ("cat", "dog")
    assert bundle.manifest.as_json() == json.loads((folder / "manifest.json").read_text("utf-8"))
    assert bundle.digest == digest_of(folder / "manifest.json")
    assert bundle.model_path.read_bytes() == b"any bytes"


def test_bundle_digest_changes_with_the_manifest(folder: Path, edit: Any) -> None:
    before = load_bundle(folder).digest

    edit(lambda document: document["decision"].update(review_below=0.61))

    assert load_bundle(folder).digest != before


def test_bundle_faults_are_all_named_together(folder: Path, edit: Any) -> None:
    def spoil(document: dict[str, Any]) -> None:
        document["format"] = 99
        document["labels"] = ["cat", "cat"]
        document["runtime"] = "abacus"
        document["input"]["width_px"] = "wide"
        document["calibration"]["temperature"] = 0
        del document["decision"]
        document["files"]["../secret"] = "0" * 64

    edit(spoil)

    faults = _faults(folder)
    for words in (
        "format is 99",
        "one label twice",
        "runtime is 'abacus'",
        "input.width_px is 'wide', expected int",
        "calibration.temperature is 0.0, which is out of range",
        "decision.review_below is missing",
        "outside the bundle",
    ):
        assert words in faults


def test_bundle_loads_its_threshold_and_grey_input(folder: Path) -> None:
    manifest = load_bundle(folder).manifest
    grey = dataclasses.replace(manifest.input, channels="L")
    write_manifest(folder, dataclasses.replace(manifest, input=grey, threshold=Threshold("dog", 0.73)))

    bundle = load_bundle(folder)

    assert bundle.manifest.threshold == Threshold("dog", 0.73)
    assert bundle.manifest.input.channels == "L"
    document = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert document["decision"] == {"review_below": 0.6, "positive": "dog", "threshold": 0.73}


def test_bundle_without_threshold_and_channels_gets_defaults(folder: Path, edit: Any) -> None:
    edit(lambda document: document["input"].pop("channels"))

    manifest = load_bundle(folder).manifest

    assert manifest.threshold is None
    assert manifest.input.channels == "RGB"
    assert manifest.as_json()["decision"] == {"review_below": 0.6}


@pytest.mark.parametrize(
    ("decision", "words"),
    [
        pytest.param({"positive": "cow", "threshold": 0.5}, "decision.positive is 'cow', expected one of cat, dog"),
        pytest.param({"positive": "dog", "threshold": 1}, "decision.threshold is 1.0, which is out of range"),
        pytest.param({"positive": "dog"}, "decision.threshold is missing"),
        pytest.param({"threshold": 0.5}, "decision.positive is missing"),
    ],
)
def test_threshold_that_cannot_decide_is_refused(folder: Path, edit: Any, decision: dict[str, Any], words: str) -> None:
    edit(lambda document: document["decision"].update(decision))

    assert words in _faults(folder)


def test_threshold_needs_two_labels(folder: Path, edit: Any) -> None:
    def spoil(document: dict[str, Any]) -> None:
        document["labels"] = ["cat", "dog", "cow"]
        document["decision"] |= {"positive": "dog", "threshold": 0.5}

    edit(spoil)

    assert "decision.threshold needs two labels, there are 3" in _faults(folder)


def test_bundle_faults_name_changed_and_missing_files(folder: Path) -> None:
    (folder / "model.tflite").write_bytes(b"other bytes")
    (folder / "labels.txt").unlink()

    faults = _faults(folder)

    assert "model.tflite has sha256" in faults
    assert "labels.txt is missing" in faults


def test_labels_must_equal_the_label_file(folder: Path, edit: Any) -> None:
    edit(lambda document: document.update(labels=["dog", "cat"]))

    assert "labels.txt has ['cat', 'dog'], the manifest's labels are ['dog', 'cat']" in _faults(folder)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(None, "cannot be read", id="missing"),
        pytest.param(b"{", "not JSON", id="cut off"),
        pytest.param(b"\xff\xfe\x00", "not JSON", id="not text"),
        pytest.param(b"[]", "name is missing", id="a list"),
        pytest.param(b"null", "labels is missing", id="null"),
    ],
)
def test_manifest_that_cannot_be_read_is_named(folder: Path, content: bytes | None, words: str) -> None:
    path = folder / "manifest.json"
    path.unlink() if content is None else path.write_bytes(content)

    assert words in _faults(folder)


@pytest.mark.parametrize("labels", [[], [""], ["cat", 3], "cat"], ids=["none", "an empty one", "a number", "a string"])
def test_labels_must_be_a_list_of_names(folder: Path, edit: Any, labels: Any) -> None:
    edit(lambda document: document.update(labels=labels))

    assert "labels" in _faults(folder)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        pytest.param(_Model((1, 64, 64, 3), "uint8", 3), "3 outputs, the manifest has 2 labels", id="labels"),
        pytest.param(_Model((1, 32, 64, 3), "uint8", 2), "takes shape (1, 32, 64, 3)", id="shape"),
        pytest.param(_Model((1, 64, 64, 3), "int8", 2), "takes int8, expected uint8 as in the manifest", id="dtype"),
    ],
)
def test_model_that_differs_from_its_manifest_is_refused(folder: Path, model: _Model, words: str) -> None:
    with pytest.raises(InvalidBundle) as refused:
        Classifier(load_bundle(folder), model)

    assert words in str(refused.value)


def test_bundle_with_an_invalid_model_file_is_refused(folder: Path) -> None:
    with pytest.raises(InvalidBundle, match=r"not a \.tflite file"):
        load_model(load_bundle(folder), threads=1)


def test_flowers_bundle_keeps_its_digest(tmp_path: Path) -> None:
    bundle = load_bundle(MODELS / "flowers_v1")

    write_manifest(tmp_path, bundle.manifest)

    assert digest_of(tmp_path / "manifest.json") == bundle.digest


@pytest.mark.parametrize("path", sorted(MODELS.glob("*_v*")), ids=lambda path: path.name)
class TestShippedBundle:
    def test_loads_and_classifies(self, path: Path) -> None:
        bundle = load_bundle(path)
        classifier = Classifier(bundle, load_model(bundle, threads=1))

        classification = classifier.classify(np.full((120, 90, 3), 127, np.uint8))

        assert {candidate.label for candidate in classification.candidates} == set(bundle.manifest.labels)
        assert sum(candidate.score for candidate in classification.candidates) == pytest.approx(1, abs=1e-5)

    def test_is_small_enough(self, path: Path) -> None:
        bundle = load_bundle(path)
        retraining = path / bundle.manifest.lineage["retraining"]["file"]

        assert sum((path / name).stat().st_size for name in bundle.manifest.files) < SERVED_BYTES
        assert retraining.stat().st_size < KERAS_BYTES
        assert digest_of(retraining) == bundle.manifest.lineage["retraining"]["sha256"]

    def test_has_a_card_that_agrees_with_its_manifest(self, path: Path) -> None:
        manifest, card = load_bundle(path).manifest, (path / "README.md").read_text("utf-8")

        assert f"accuracy **{manifest.metrics['accuracy']:.1%}**" in card
        assert f"below **{manifest.review_below:.2f}**" in card
        assert f"{manifest.input.width_px} x {manifest.input.height_px} px" in card
        assert manifest.lineage["data"]["fingerprint"] in card
        assert all(label in card for label in manifest.labels)

    def test_has_its_lineage(self, path: Path) -> None:
        lineage = load_bundle(path).manifest.lineage

        recipe = {**lineage["recipe"], **lineage["recipe"]["augmentation"]}
        shared = sorted(set(recipe) & set(lineage["options"]))
        assert {"epochs", "learning_rate", "mixup", "seed"} <= set(shared), "the command's options are not all there"
        assert [recipe[name] for name in shared] == [lineage["options"][name] for name in shared]
        assert len(lineage["epochs"]["curve"]) == lineage["epochs"]["run"]
        assert lineage["data"]["training"] + lineage["data"]["validation"] == lineage["data"]["images"]
        assert len(lineage["code"]["commit"]) == 40
        assert {"python", "keras", "numpy"} <= set(lineage["libraries"])

    def test_holds_no_path_of_the_machine_that_trained_it(self, path: Path) -> None:
        texts = [(path / name).read_text("utf-8") for name in ("manifest.json", "README.md")]

        assert not any(mark in text for text in texts for mark in ("/work", "/home", "/tmp", "/Users", "\\\\"))

    def test_keeps_its_accuracy_in_int8_and_float16(self, path: Path) -> None:
        metrics = load_bundle(path).manifest.metrics

        assert metrics["accuracy"] >= metrics["float32"]["accuracy"] - 0.01
        assert metrics["int8_against_float32"]["same_label"] >= 0.98
        assert metrics["float16_against_float32"]["same_label"] == 1
