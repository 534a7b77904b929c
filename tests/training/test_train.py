"""`bucketlens train` on rendered shapes: stopped, resumed, exported, with the same result as without the stop."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from click.testing import CliRunner

from shared.bundles.bundle import Bundle, load_bundle
from shared.cli.evaluate import command as evaluate
from shared.cli.train import command
from shared.errors import Misconfigured
from shared.inference.classifier import Classifier, prepare
from shared.inference.explain import explain
from shared.wiring import load_model

pytest.importorskip("tensorflow")

EPOCHS, SIZE, BATCH, SHARE, SEED, PEAK = 3, 64, 8, 0.2, 5, 1e-3
VALIDATED = 9
"""Of the 41 shapes, those whose place is below the share."""
TIMEOUT_S = 170

BUCKETLENS = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a test run in the background hands on that it is ignored
from shared.cli import main
main()
"""

# Keras 3 converts TensorFlow's tensors in a way that NumPy 2 deprecates
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@dataclass(frozen=True)
class Trained:
    """A run that was stopped once, and its output."""

    stopped: subprocess.CompletedProcess[str]
    resumed: subprocess.CompletedProcess[str]
    out: Path
    bundle: Bundle


@pytest.fixture(scope="module")
def trained(shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Train as a person would: begin, press Ctrl-C after the first epoch, resume."""
    out = tmp_path_factory.mktemp("models") / "shapes_v3"
    stopped = _run_until(out / ".training" / "state.npz", shapes, out)
    resumed = subprocess.run(
        [*_call(shapes, out), "--resume"], capture_output=True, text=True, check=False, timeout=TIMEOUT_S
    )
    assert resumed.returncode == 0, resumed.stderr
    return Trained(stopped, resumed, out, load_bundle(out))


def _call(data: Path, out: Path) -> list[str]:
    numbers = {"epochs": EPOCHS, "image-size": SIZE, "batch-size": BATCH, "validation-share": SHARE, "seed": SEED}
    limits = out.with_name("limits.md")
    limits.write_text("A round thing is no square.", "utf-8")
    options = [
        f"--limits={limits}",
        *(f"--{name}={value}" for name, value in (numbers | {"learning-rate": PEAK, "patience": EPOCHS}).items()),
    ]
    return [sys.executable, "-c", BUCKETLENS, "train", str(data), "--name=shapes", f"--out={out}", *options]


def _run_until(file: Path, data: Path, out: Path) -> subprocess.CompletedProcess[str]:
    process = subprocess.Popen(_call(data, out), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not file.exists() and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=TIMEOUT_S)
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def test_train_leaves_a_state_at_ctrl_c_and_says_how_to_resume(trained: Trained) -> None:
    assert trained.stopped.returncode == 130, trained.stopped.stderr
    assert "--resume" in trained.stopped.stderr
    assert "Traceback" not in trained.stopped.stderr


def test_train_resumed_run_does_only_the_missing_epochs(trained: Trained) -> None:
    assert "epoch  1/" not in trained.resumed.stderr
    assert f"epoch  {EPOCHS}/" in trained.resumed.stderr


def test_train_names_bad_files(trained: Trained) -> None:
    assert "note.jpg" in trained.resumed.stderr


def test_train_writes_a_bundle_that_classifies(trained: Trained) -> None:
    manifest = trained.bundle.manifest
    classifier = Classifier(trained.bundle, load_model(trained.bundle, threads=1))

    classification = classifier.classify(np.full((80, 96, 3), (240, 40, 40), np.uint8))

    assert manifest.labels == ("disc", "square")
    assert manifest.version == "3"
    assert {candidate.label for candidate in classification.candidates} == {"disc", "square"}
    assert explain(classifier, np.full((80, 96, 3), (240, 40, 40), np.uint8)).method == "cam"
    expected = {"manifest.json", "model.tflite", "model.keras", "labels.txt", "README.md"}
    assert expected < {path.name for path in trained.out.iterdir()}
    assert not (trained.out / ".training").exists()


def test_train_manifest_has_metrics_and_lineage(trained: Trained) -> None:
    manifest = trained.bundle.manifest

    assert manifest.metrics["images"] == manifest.lineage["data"]["validation"] == VALIDATED
    assert set(manifest.metrics["by_label"]) == {"disc", "square"}
    assert manifest.lineage["seed"] == SEED
    assert manifest.lineage["data"]["left_out"] == 1
    assert manifest.lineage["options"]["data"] == "shapes"
    assert len(manifest.lineage["epochs"]["curve"]) == EPOCHS
    assert str(trained.out.parent) not in (trained.out / "manifest.json").read_text("utf-8")


def test_train_sets_a_threshold_of_two_labels(trained: Trained, shapes: Path) -> None:
    manifest, card = trained.bundle.manifest, (trained.out / "README.md").read_text("utf-8")
    threshold = manifest.threshold

    assert threshold is not None
    assert threshold.positive == "square"
    assert f"**square** where its score is at least **{threshold.score}**" in card
    assert "A round thing is no square." in card
    assert {row["images"] for row in manifest.metrics["harder"].values()} == {manifest.metrics["images"]}
    assert all(f"| {condition} |" in card for condition in manifest.metrics["harder"])
    classifier = Classifier(trained.bundle, load_model(trained.bundle, threads=1))
    for picture in sorted(shapes.rglob("0*.png")):
        classification = classifier.classify(np.asarray(PIL.Image.open(picture)))
        square = next(candidate.score for candidate in classification.candidates if candidate.label == "square")
        assert classification.label == ("square" if square >= threshold.score else "disc")


def test_train_bundle_of_two_labels_is_evaluated_with_auc(trained: Trained, shapes: Path, tmp_path: Path) -> None:
    diagram = tmp_path / "reliability.png"
    wanted = ["--min-auc=0.5", "--min-sensitivity=0", "--min-specificity=0"]

    result = CliRunner().invoke(
        evaluate, [str(trained.out), str(shapes), "--json", f"--reliability-diagram={diagram}", *wanted]
    )

    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["auc"] > 0.5
    [[discs, wrong_discs], [wrong_squares, squares]] = report["confusion"]
    assert report["sensitivity"] == pytest.approx(squares / (squares + wrong_squares), abs=1e-4)
    assert report["specificity"] == pytest.approx(discs / (discs + wrong_discs), abs=1e-4)
    with PIL.Image.open(diagram) as drawn:
        assert min(drawn.size) > 300


def test_train_refuses_an_unknown_positive_label(shapes: Path, tmp_path: Path) -> None:
    out = f"--out={tmp_path / 'x_v1'}"

    result = CliRunner().invoke(command, [str(shapes), "--name=x", out, "--positive=triangle"])

    assert result.exit_code == 2
    assert "'triangle' must be one of two labels, there are disc, square" in result.stderr


def test_train_starts_from_a_bundle(trained: Trained, shapes: Path) -> None:
    from shared.training.network import build_network
    from shared.training.start import load_start, read_start

    start = read_start(trained.out)
    spec = trained.bundle.manifest.input
    network = build_network(spec.width_px, 2)
    load_start(network, "efficientnet-lite0", ("disc", "square"), start)

    assert trained.bundle.digest in start.source
    classifier = Classifier(trained.bundle, load_model(trained.bundle, threads=1))
    agree = []
    for picture in sorted(shapes.rglob("0*.png")):
        pixels = np.asarray(PIL.Image.open(picture))
        logits = np.asarray(network(prepare(pixels, spec).astype(np.float32), training=False))[0]
        best = max(classifier.classify(pixels).candidates, key=lambda candidate: candidate.score)
        agree.append(best.label == ("disc", "square")[int(logits.argmax())])
    assert np.mean(agree) >= 0.8  # int8 differs a little


@pytest.mark.parametrize(
    ("backbone", "labels", "words"),
    [
        ("efficientnet-lite0", ("disc", "ring"), "it has the labels disc, square, the data has disc, ring"),
        ("efficientnet-lite1", ("disc", "square"), "it is EfficientNet-Lite0; choose that with --backbone"),
    ],
)
def test_train_refuses_to_start_from_a_bundle_that_differs(
    trained: Trained, backbone: str, labels: tuple[str, str], words: str
) -> None:
    from shared.training.network import build_network
    from shared.training.start import load_start, read_start

    with pytest.raises(Misconfigured, match=words):
        load_start(build_network(SIZE, 2), backbone, labels, read_start(trained.out))


def test_train_refuses_to_start_without_a_retraining_network(trained: Trained, tmp_path: Path) -> None:
    from shared.training.start import read_start

    served = tmp_path / "shapes_v3"
    shutil.copytree(trained.out, served, ignore=shutil.ignore_patterns("*.keras"))

    with pytest.raises(Misconfigured, match="no network for retraining"):
        read_start(served)


def test_train_result_is_the_same_after_a_stop(trained: Trained, shapes: Path, tmp_path: Path) -> None:
    from shared.training.dataset import read_dataset
    from shared.training.fit import Recipe, fit
    from shared.training.splits import split

    dataset = read_dataset(shapes, shrink_to_px=72)
    training, validation = split(dataset.examples, SHARE)
    recipe = Recipe(epochs=EPOCHS, batch_size=BATCH, image_size=SIZE, seed=SEED, learning_rate=PEAK, patience=EPOCHS)

    _, history = fit(training, validation, dataset.labels, recipe, folder=tmp_path, identity={})

    curve = trained.bundle.manifest.lineage["epochs"]["curve"]
    assert [epoch.loss for epoch in history] == pytest.approx([point["loss"] for point in curve], abs=2e-3)
    assert [epoch.validation_loss for epoch in history] == pytest.approx(
        [point["validation_loss"] for point in curve], abs=2e-2
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["--resume"], "no stopped run", id="nothing to resume"),
        pytest.param(["--epochs=0"], "--epochs", id="no epochs"),
        pytest.param(["--group-by=("], "not a regular expression", id="no pattern"),
    ],
)
def test_train_exits_2_for_invalid_arguments(shapes: Path, tmp_path: Path, arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(command, [str(shapes), "--name=x", f"--out={tmp_path / 'x_v1'}", *arguments])

    assert result.exit_code == 2
    assert words in result.stderr


def test_train_does_not_overwrite_a_finished_bundle(trained: Trained, shapes: Path) -> None:
    result = CliRunner().invoke(command, [str(shapes), "--name=shapes", f"--out={trained.out}"])

    assert result.exit_code == 2
    assert "has a bundle already" in result.stderr


def test_train_refuses_an_empty_label(tmp_path: Path) -> None:
    (tmp_path / "data" / "empty").mkdir(parents=True)

    result = CliRunner().invoke(command, [str(tmp_path / "data"), "--name=x", f"--out={tmp_path / 'x_v1'}"])

    assert result.exit_code == 2
    assert "no picture of 'empty'" in result.stderr
