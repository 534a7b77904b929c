"""`bucketlens evaluate` measures through the serving path, and its exit code reports whether the thresholds hold."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from shared.bundles.bundle import load_bundle
from shared.bundles.folders import MODELS
from shared.cli.evaluate import command
from shared.inference.classifier import Classifier
from shared.wiring import load_model

BUNDLE = MODELS / "flowers_v1"


@pytest.fixture(scope="module")
def agreeing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise under the very labels that the model gives it, and a file that is no image."""
    folder, random = tmp_path_factory.mktemp("agreeing"), np.random.default_rng(0)
    bundle = load_bundle(BUNDLE)
    classifier = Classifier(bundle, load_model(bundle, threads=1))
    for number in range(12):
        coarse = random.integers(0, 256, (4, 4, 3), np.uint8)
        pixels = np.asarray(Image.fromarray(coarse).resize((250, 250), Image.Resampling.BICUBIC))
        path = folder / classifier.classify(pixels).label
        path.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(path / f"{number}.png")
    (path / "note.jpg").write_text("not an image")
    return folder


@pytest.fixture
def disagreeing(agreeing: Path, tmp_path: Path) -> Path:
    """The same pictures, each under a label that the model does not give it."""
    labels = load_bundle(BUNDLE).manifest.labels
    for picture in agreeing.rglob("*.png"):
        wrong = tmp_path / labels[labels.index(picture.parent.name) - 1]
        wrong.mkdir(exist_ok=True)
        (wrong / picture.name).write_bytes(picture.read_bytes())
    return tmp_path


def _evaluate(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_evaluate_exits_0_where_thresholds_hold(agreeing: Path) -> None:
    result = _evaluate(BUNDLE, agreeing, "--min-accuracy", 1, "--min-macro-f1", 1)

    assert result.exit_code == 0, result.output
    assert "accuracy 100.00%" in result.output


def test_evaluate_exits_1_and_names_each_missed_threshold(disagreeing: Path) -> None:
    result = _evaluate(BUNDLE, disagreeing, "--min-accuracy", 0.5, "--min-macro-f1", 0.5, "--max-ece", 0.01)

    assert result.exit_code == 1
    for words in ("accuracy is 0.0, below 0.5", "macro F1 is 0.0, below 0.5", "calibration error is"):
        assert words in result.stderr


def test_evaluate_json_has_metrics_matrix_and_bad_files(agreeing: Path) -> None:
    result = _evaluate(BUNDLE, agreeing, "--json")

    report = json.loads(result.stdout)
    assert report["images"] == 12
    assert report["accuracy"] == report["macro_f1"] == 1
    assert sum(map(sum, report["confusion"])) == 12
    assert [Path(bad["path"]).name for bad in report["left_out"]] == ["note.jpg"]
    assert report["digest"] == load_bundle(BUNDLE).digest


def test_evaluate_draws_the_confusion_matrix(agreeing: Path, tmp_path: Path) -> None:
    picture = tmp_path / "matrix.png"

    _evaluate(BUNDLE, agreeing, "--confusion-matrix", picture)

    with Image.open(picture) as drawn:
        assert min(drawn.size) > 300


def test_evaluate_exits_2_for_a_label_that_the_bundle_lacks(agreeing: Path, tmp_path: Path) -> None:
    (tmp_path / "orchid").mkdir()

    result = _evaluate(BUNDLE, tmp_path)

    assert result.exit_code == 2
    assert "no label 'orchid'" in result.stderr


def test_evaluate_exits_2_for_an_invalid_bundle(agreeing: Path, tmp_path: Path) -> None:
    result = _evaluate(tmp_path, agreeing)

    assert result.exit_code == 2
    assert "manifest.json cannot be read" in result.stderr


def test_evaluate_exits_2_without_an_image(tmp_path: Path) -> None:
    label = tmp_path / load_bundle(BUNDLE).manifest.labels[0]
    label.mkdir()
    (label / "note.jpg").write_text("not an image")

    result = _evaluate(BUNDLE, tmp_path)

    assert result.exit_code == 2
    assert "none of its 1 files can be read" in result.stderr


def test_evaluate_needs_no_tensorflow(agreeing: Path) -> None:
    code = (
        "import sys; sys.modules['tensorflow'] = sys.modules['keras'] = None\n"
        "from shared.cli.evaluate import command\n"
        f"command([{str(BUNDLE)!r}, {str(agreeing)!r}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)

    assert done.returncode == 0, done.stderr
