"""Labelled pictures at an import: they calibrate the scores, and reveal a wrong scaling."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.bundles.bundle import load_bundle
from tests.importing.conftest import COLOURS, Nets, imported

pytestmark = pytest.mark.filterwarnings("ignore")  # TensorFlow's own
NAMES = ("--labels", ",".join(COLOURS))


def test_calibration_fits_the_scores_and_measures_the_model(nets: Nets, tmp_path: Path, samples: Path) -> None:
    options = (*NAMES, "--scaling", "0..1", "--samples", samples, "--calibrate", samples)
    result = imported(nets["colours.keras"], tmp_path / "own", *options)
    assert result.exit_code == 0, result.output
    assert "Measured on 60 labelled pictures: accuracy 100.0%" in result.output
    assert "import it again" not in result.output
    manifest = load_bundle(tmp_path / "own").manifest
    assert manifest.temperature < 1
    assert manifest.metrics["accuracy"] == 1.0
    assert manifest.metrics["images"] == 60
    assert "Accuracy **100.0%** on the 60 labelled pictures" in (tmp_path / "own/README.md").read_text("utf-8")


def test_calibration_names_the_right_scaling_for_a_wrong_one(nets: Nets, tmp_path: Path, samples: Path) -> None:
    """A wrong scaling leaves the brightest channel the largest here, except one that reverses the channels."""
    options = (*NAMES, "--scaling", "caffe", "--calibrate", samples)
    result = imported(nets["float32.tflite"], tmp_path / "own", *options)
    assert result.exit_code == 0, result.output
    assert "import it again with --scaling" in result.output


def test_calibration_remarks_on_few_pictures(nets: Nets, tmp_path: Path, samples: Path) -> None:
    few = tmp_path / "few"
    for colour in COLOURS:
        (few / colour).mkdir(parents=True)
        for file in sorted((samples / colour).iterdir())[:4]:
            (few / colour / file.name).write_bytes(file.read_bytes())
    options = (*NAMES, "--scaling", "0..1", "--calibrate", few)
    result = imported(nets["float32.tflite"], tmp_path / "own", *options)
    assert result.exit_code == 0, result.output
    assert "12 labelled pictures are too few to judge" in result.output


def test_calibration_sets_a_threshold_of_two_labels(nets: Nets, tmp_path: Path, samples: Path) -> None:
    two = tmp_path / "two"
    for label, colour in (("dark", "blue"), ("bright", "green")):
        (two / label).mkdir(parents=True)
        for file in (samples / colour).iterdir():
            (two / label / file.name).write_bytes(file.read_bytes())
    options = ("--labels", "dark,bright", "--scaling", "0..1", "--calibrate", two)
    result = imported(nets["light.h5"], tmp_path / "own", *options)
    assert result.exit_code == 0, result.output
    threshold = load_bundle(tmp_path / "own").manifest.threshold
    assert threshold is not None
    assert threshold.positive == "bright"
    assert f"bright from {threshold.score:g} on" in result.output


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--temperature", "2"), "--calibrate fits --temperature"),
        (("--review-below", "0.9"), "--calibrate fits --review-below"),
        (("--labels", "red,green,violet"), "blue is not a label of the model"),
    ],
)
def test_calibration_refuses_contradicting_options(
    nets: Nets, tmp_path: Path, samples: Path, options: tuple[str, ...], sentence: str
) -> None:
    typed: tuple[str | Path, ...] = (*NAMES, "--scaling", "0..1", "--calibrate", samples, *options)
    result = imported(nets["float32.tflite"], tmp_path / "own", *typed)
    assert result.exit_code == 2
    assert sentence in result.output
    assert not (tmp_path / "own").exists()
