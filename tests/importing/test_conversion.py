"""Conversion to int8 with the owner's pictures: its effect is reported before anything is written."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from shared.bundles.bundle import load_bundle
from shared.inference.classifier import Classifier
from shared.inference.explain import explain
from shared.wiring import load_model
from tests.importing.conftest import COLOURS, RGB, Nets, imported, knows_colours, knows_light

pytestmark = pytest.mark.filterwarnings("ignore")  # TensorFlow's own
NAMES = ("--labels", ",".join(COLOURS))


@pytest.mark.parametrize(
    ("model", "scaling"),
    [
        ("colours.keras", ("--scaling", "0..1")),
        ("saved_model", ("--scaling", "0..1")),
        ("colours.h5", ("--scaling", "imagenet")),
        ("channels_first.keras", ("--scaling", "0..1", "--channels-first")),
        ("channels_first_layers.keras", ("--scaling", "0..1")),
        ("rescaled.keras", ()),
    ],
)
def test_int8_takes_bytes_and_agrees_with_the_original(
    nets: Nets, tmp_path: Path, samples: Path, model: str, scaling: tuple[str, ...]
) -> None:
    result = imported(nets[model], tmp_path / "own", *NAMES, *scaling, "--samples", samples)
    assert result.exit_code == 0, result.output
    assert "the same label for" in result.output
    manifest = load_bundle(tmp_path / "own").manifest
    assert manifest.input.dtype == "uint8"
    conversion = manifest.lineage["conversion"]
    assert (conversion["precision"], conversion["agreement"]["pictures"]) == ("int8", 60)
    assert conversion["agreement"]["same_label"] >= 0.95
    assert knows_colours(tmp_path / "own")


def test_int8_of_one_sigmoid_tells_dark_from_bright(nets: Nets, tmp_path: Path, samples: Path) -> None:
    options = ("--labels", "dark,bright", "--scaling", "0..1", "--samples", samples, "--least-agreement", "0.5")
    assert imported(nets["light.h5"], tmp_path / "own", *options).exit_code == 0
    assert knows_light(tmp_path / "own")


@pytest.mark.parametrize("precision", ["float16", "float32"])
def test_conversion_without_samples_keeps_the_requested_precision(nets: Nets, tmp_path: Path, precision: str) -> None:
    options = (*NAMES, "--scaling", "0..1", "--precision", precision)
    assert imported(nets["colours.keras"], tmp_path / "own", *options).exit_code == 0
    agreement = load_bundle(tmp_path / "own").manifest.lineage["conversion"]["agreement"]
    assert agreement["same_label"] == 1.0
    assert agreement["largest_score_difference"] < 0.01


def test_conversion_with_too_little_agreement_writes_nothing(nets: Nets, tmp_path: Path, samples: Path) -> None:
    """Its logits are some thousands and differ by some ones, which 256 steps cannot tell apart."""
    options = (*NAMES, "--scaling", "0..1", "--samples", samples)
    result = imported(nets["fragile.keras"], tmp_path / "own", *options)
    assert result.exit_code == 1, result.output
    assert "nothing was written" in result.output
    assert "--precision float32" in result.output
    assert list(tmp_path.iterdir()) == []
    assert imported(nets["fragile.keras"], tmp_path / "own", *options, "--precision", "float32").exit_code == 0
    assert knows_colours(tmp_path / "own")


def test_conversion_remarks_on_few_samples_and_other_files(nets: Nets, tmp_path: Path, samples: Path) -> None:
    options = (*NAMES, "--scaling", "0..1", "--samples")
    few = imported(nets["colours.keras"], tmp_path / "few", *options, samples / "red")
    assert "20 samples are few" in few.output
    assert "1 files" in imported(nets["colours.keras"], tmp_path / "many", *options, samples).output


def test_import_remarks_on_a_scaling_that_contradicts_the_file(nets: Nets, tmp_path: Path) -> None:
    """Pixels would be scaled twice."""
    doubled = imported(nets["rescaled.keras"], tmp_path / "own", *NAMES, "--scaling", "0..1")
    assert doubled.exit_code == 0
    assert "leave --scaling out" in doubled.output


def test_import_writes_the_origin_into_card_and_lineage(nets: Nets, tmp_path: Path, samples: Path) -> None:
    options = (*NAMES, "--scaling", "0..1", "--samples", samples, "--description", "Tells colours.")
    assert imported(nets["colours.h5"], tmp_path / "own", *options).exit_code == 0
    manifest, card = load_bundle(tmp_path / "own").manifest, (tmp_path / "own/README.md").read_text("utf-8")
    sha256 = hashlib.sha256(nets["colours.h5"].read_bytes()).hexdigest()
    assert manifest.lineage["imported_from"] == {"file": "colours.h5", "kind": "Keras", "sha256": sha256}
    assert manifest.lineage["options"]["samples"] == samples.name
    assert manifest.lineage["libraries"]["keras"]
    for text in ("Tells colours.", sha256, "0..1", "60 samples", *COLOURS):
        assert text in card
    assert str(samples.parent) not in card + str(manifest.lineage)


def test_conversion_adds_a_feature_map_where_the_head_allows_it(nets: Nets, tmp_path: Path, samples: Path) -> None:
    options = (*NAMES, "--scaling", "0..1", "--samples", samples, "--fit", "stretch")
    assert imported(nets["colours.keras"], tmp_path / "own", *options).exit_code == 0
    bundle = load_bundle(tmp_path / "own")
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[:, :30], picture[:, 30:] = RGB["red"], RGB["blue"]
    explanation = explain(Classifier(bundle, load_model(bundle, threads=1)), picture, "blue")
    left, right = np.split(explanation.heat, 2, axis=1)
    assert explanation.method == "cam"
    assert right.mean() > 0.9 > 0.1 > left.mean()
