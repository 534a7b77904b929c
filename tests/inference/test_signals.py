"""Signals come from the inference that classifies: scores stay bit-equal, and a profile adds novelty and embedding."""

from __future__ import annotations

from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from shared.bundles.bundle import Bundle
from shared.bundles.manifest import Explain, InputSpec
from shared.errors import InvalidBundle
from shared.inference.classifier import Classifier, prepare
from shared.ports import ActivationModel, FeatureModel, Features
from shared.signals.novelty import directions_of
from shared.signals.profile import FILE, Familiar, Reference, write_profile
from tests.inference.pictures import drawn

CHANNELS, SPEC = 24, InputSpec(40, 40, "uint8", 1.0, 0.0, "stretch", "bilinear")
EXPLAIN = Explain("feature_map", "class_weights")


class ByColour:
    """A model whose feature map is of a picture's colours; it counts its inferences."""

    input_shape, input_dtype, outputs = (1, 40, 40, 3), "uint8", 2

    def __init__(self) -> None:
        random = np.random.default_rng(0)
        self._colours = random.random((3, CHANNELS), np.float32)
        self._weights = random.normal(size=(2, CHANNELS)).astype(np.float32)
        self.inferences = 0

    def run(self, batch: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        self.inferences += 1
        outputs: npt.NDArray[np.float32] = self.pooled(batch) @ self._weights.T
        return outputs

    def features(self, batch: npt.NDArray[Any]) -> Features:
        return Features(self.run(batch), self.pooled(batch))

    def pooled(self, batch: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        features: npt.NDArray[np.float32] = self.features_of(batch).mean(axis=(0, 1))
        return features

    def features_of(self, batch: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Blue is seen squared, in channels of its own."""
        cells = batch[0, ::20, ::20].astype(np.float32) / 255
        features: npt.NDArray[np.float32] = cells[..., :2] @ self._colours[:2] + cells[..., 2:] ** 2 * self._colours[2]
        return features


def plain(red: int, green: int, blue: int) -> npt.NDArray[np.uint8]:
    return np.full((30, 60, 3), (red, green, blue), np.uint8)


@pytest.fixture
def classifier(flowers: Classifier, tmp_path: Path) -> Classifier:
    """A model that was trained on red and green, and its profile."""
    model = ByColour()
    learned = [
        model.pooled(np.full((1, 40, 40, 3), (red, green, 0), np.uint8))
        for red in range(20, 256, 50)
        for green in range(20, 256, 50)
    ]
    directions = directions_of(np.stack(learned))[:, :2]
    none, nobody = np.zeros(0, np.float32), np.zeros(0, np.int32)
    reference = Reference(np.zeros((0, 2), np.float32), np.zeros((0, 6), np.float32), none, none, none, nobody, nobody)
    manifest = flowers.bundle.manifest
    write_profile(tmp_path / FILE, manifest.files[manifest.model_file], Familiar(directions, 0.05), reference)
    changed = replace(
        manifest,
        labels=("a", "b"),
        input=SPEC,
        explain=EXPLAIN,
        files={**manifest.files, FILE: "0" * 64},
    )
    return Classifier(Bundle(tmp_path, changed, "d" * 64), model)


def without_profile(classifier: Classifier, **changes: Any) -> Classifier:
    bundle = classifier.bundle
    files = {name: digest for name, digest in bundle.manifest.files.items() if name != FILE}
    return Classifier(replace(bundle, manifest=replace(bundle.manifest, files=files, **changes)), classifier.model)


@pytest.mark.parametrize("has_profile", [True, False])
def test_signals_leave_scores_bit_equal(classifier: Classifier, has_profile: bool) -> None:
    chosen = classifier if has_profile else without_profile(classifier)
    for colour in ((200, 30, 0), (10, 250, 90), (0, 0, 255)):
        answer = chosen.classify_with_signals(plain(*colour))
        assert replace(answer, is_unfamiliar=None, signals=None) == chosen.classify(plain(*colour))


def test_signals_leave_scores_of_the_reference_model_bit_equal(flowers: Classifier) -> None:
    for picture in drawn().values():
        answer = flowers.classify_with_signals(np.asarray(picture))
        assert replace(answer, signals=None) == flowers.classify(np.asarray(picture))


def test_signals_cost_no_second_inference(classifier: Classifier) -> None:
    classifier.classify_with_signals(plain(200, 30, 0))
    assert isinstance(classifier.model, ByColour)
    assert classifier.model.inferences == 1


def test_signals_make_a_new_picture_unfamiliar_whatever_its_score(classifier: Classifier) -> None:
    known, new = (classifier.classify_with_signals(plain(*colour)) for colour in ((200, 90, 0), (0, 0, 255)))
    assert known.signals is not None
    assert new.signals is not None
    assert known.signals.novelty == pytest.approx(0, abs=1e-4)
    assert (known.is_unfamiliar, new.is_unfamiliar) == (False, True)
    assert new.needs_review == (new.score < classifier.bundle.manifest.review_below), "the score's alone"


def test_signals_leave_the_embedding_out_on_request(classifier: Classifier) -> None:
    whole = classifier.classify_with_signals(plain(0, 0, 255)).signals
    bare = classifier.classify_with_signals(plain(0, 0, 255), with_embedding=False).signals
    assert whole is not None
    assert bare is not None
    assert len(whole.embedding) == 2
    assert bare == replace(whole, embedding=())


def test_signals_without_a_profile_are_statistics_and_entropy(classifier: Classifier) -> None:
    answer = without_profile(classifier).classify_with_signals(plain(200, 30, 0))
    assert answer.signals is not None
    assert (answer.is_unfamiliar, answer.signals.novelty, answer.signals.embedding) == (None, None, ())
    assert answer.signals.aspect == 2
    assert np.isfinite(astuple(answer.signals)[:7]).all()


def test_classifier_refuses_a_profile_of_another_model(classifier: Classifier) -> None:
    bundle = classifier.bundle
    files = {**bundle.manifest.files, bundle.manifest.model_file: "e" * 64}
    other = replace(bundle, manifest=replace(bundle.manifest, files=files))
    with pytest.raises(InvalidBundle, match="made with another model"):
        Classifier(other, classifier.model)


def test_classifier_refuses_a_profile_without_a_feature_map(classifier: Classifier) -> None:
    bundle = classifier.bundle
    with pytest.raises(InvalidBundle, match="needs the model's feature map"):
        Classifier(replace(bundle, manifest=replace(bundle.manifest, explain=None)), classifier.model)


def test_features_of_the_reference_model_are_the_mean_of_its_feature_map(flowers: Classifier) -> None:
    model = flowers.model
    assert isinstance(model, ActivationModel)
    assert isinstance(model, FeatureModel)
    batch = prepare(np.asarray(drawn()["roses"]), flowers.bundle.manifest.input)
    features, activation = model.features(batch), model.activation(batch)
    assert features is not None
    assert activation is not None
    assert np.array_equal(features.outputs, activation.outputs)
    assert np.allclose(features.pooled, activation.features.mean(axis=(0, 1)), atol=1e-5)
