"""`bucketlens train --folds` on rendered shapes: stopped, resumed, measured out of fold, and recomputed."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

pytest.importorskip("tensorflow")

from shared.bundles.bundle import Bundle, load_bundle
from shared.cli.compare import command as compare
from shared.cli.evaluate import command as evaluate
from shared.cli.train import command
from shared.inference.classifier import Classifier
from shared.signals.profile import read_reference
from shared.training.choices import DECIDED_BY_DATA
from shared.training.dataset import Dataset, Example, read_dataset
from shared.training.export import Plan
from shared.training.fit import Recipe, Step
from shared.training.request import Request
from shared.training.state import Epoch
from shared.training.train import train
from shared.wiring import load_model

EPOCHS, FOLDS, SIZE, BATCH = 2, 2, 64, 8

# Keras 3 converts TensorFlow's tensors in a way that NumPy 2 deprecates
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.timeout(1800),  # three networks are built, traced and converted, on however busy a machine
]


class Seen:
    """A watcher that keeps what it is shown, and may stop the run after an epoch, as Ctrl-C would."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.runs: list[str] = []
        self.epochs: list[tuple[str, int]] = []
        self.sizes: list[int] = []
        self.stop_after = stop_after

    def on_read(self) -> None:
        pass

    def on_data(self, dataset: Dataset, training: list[Example], validation: list[Example]) -> None:
        raise AssertionError("no picture is kept apart for good")

    def on_folds(self, dataset: Dataset, sizes: list[int]) -> None:
        self.sizes = sizes

    def on_recipe(self, recipe: Recipe) -> None:
        pass

    def on_run(self, name: str, training: int, judged: int) -> None:
        self.runs.append(name)

    def on_step(self, step: Step) -> None:
        pass

    def on_epoch(self, epoch: Epoch) -> None:
        self.epochs.append((self.runs[-1], epoch.number))
        if len(self.epochs) == self.stop_after:
            raise KeyboardInterrupt

    def on_export(self, what: str) -> None:
        pass


@dataclass(frozen=True)
class Trained:
    """A run in folds that was stopped in its second fold, and the one that went on with it."""

    stopped: Seen
    resumed: Seen
    bundle: Bundle

    @property
    def out(self) -> Path:
        return self.bundle.folder


@pytest.fixture(scope="module")
def trained(shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Train, stop after the first epoch of the second fold, go on."""
    out = tmp_path_factory.mktemp("models") / "shapes_v4"
    options = {"data": "shapes", "epochs": EPOCHS, "image_size": SIZE, "batch_size": BATCH}
    options |= {"learning_rate": 1e-3, "freeze": 16}  # the last layers learn enough of shapes, and are soon traced
    decided = dict.fromkeys(DECIDED_BY_DATA)
    plan = Plan("shapes", "4", "Discs and squares.", (SIZE,), 0.995)
    chosen_options = {**options, **decided, "folds": FOLDS, "validation_share": 0.1}
    request = Request(shapes, out, plan, 0.1, chosen_options, folds=FOLDS)
    stopped, resumed = Seen(stop_after=EPOCHS + 1), Seen()
    with pytest.raises(KeyboardInterrupt):
        train(request, stopped)
    bundle, _ = train(replace(request, resume=True), resumed)
    return Trained(stopped, resumed, bundle)


def _run(bundle: Path, data: Path, *options: object) -> Result:
    return CliRunner().invoke(evaluate, [str(bundle), str(data), *map(str, options)])


def _copy(trained: Trained, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained.out, tmp_path / "shapes_v4"))


def test_folds_profile_has_a_novelty_out_of_fold(trained: Trained) -> None:
    manifest = trained.bundle.manifest
    facts = manifest.lineage["profile"]
    count = sum(manifest.lineage["folds"]["images"])
    assert "profile.npz" in manifest.files
    assert (facts["how"], facts["novelty_of"], facts["directions_from"]) == ("out of fold", count, count)
    assert len(read_reference(trained.out / "profile.npz")) == count
    classifier = Classifier(trained.bundle, load_model(trained.bundle, threads=1))
    assert classifier.classify_with_signals(np.full((80, 96, 3), 127, np.uint8)).is_unfamiliar is not None


def test_folds_resumed_run_does_only_the_missing_epochs(trained: Trained) -> None:
    whole = "the bundle's network"
    chosen = trained.bundle.manifest.lineage["folds"]["chosen"]["epochs"]

    assert trained.stopped.epochs == [("fold 1 of 2", 1), ("fold 1 of 2", 2), ("fold 2 of 2", 1)]
    assert trained.resumed.epochs == [("fold 2 of 2", 2), *((whole, number) for number in range(1, chosen + 1))]
    assert trained.resumed.sizes == trained.stopped.sizes == trained.bundle.manifest.lineage["folds"]["images"]


def test_folds_judge_every_picture_once(trained: Trained, shapes: Path) -> None:
    with (trained.out / "out_of_fold.csv").open() as file:
        rows = list(csv.DictReader(file))
    examples = read_dataset(shapes).examples

    assert sorted(row["sha256"] for row in rows) == sorted(example.sha256 for example in examples)
    assert {row["fold"] for row in rows} == {"1", "2"}
    assert set(rows[0]) == {"sha256", "label", "fold", "logit of disc", "logit of square"}


def test_folds_figures_are_out_of_fold_in_manifest_and_card(trained: Trained) -> None:
    manifest, card = trained.bundle.manifest, (trained.out / "README.md").read_text("utf-8")
    metrics, lineage = manifest.metrics, manifest.lineage

    assert "out of fold" in metrics["measured"]
    assert metrics["images"] == lineage["data"]["training"] == sum(lineage["folds"]["images"]) == 41
    assert lineage["data"]["validation"] == 0
    assert lineage["data"]["split"] == "threshold"
    assert lineage["folds"]["count"] == len(metrics["accuracy_by_fold"]) == FOLDS
    chosen = lineage["folds"]["chosen"]
    assert (chosen["epochs"], chosen["size_px"]) == (lineage["epochs"]["chosen"], SIZE)
    assert chosen["share"] in {mix["value"] for mix in lineage["folds"]["shares"]}
    assert "validation_share" not in lineage["options"]
    assert len(lineage["epochs"]["curve"]) == EPOCHS
    assert "On 41 pictures, each judged by a network that had not seen it" in card
    assert metrics["served_against_float32"]["images"] == 41
    assert "int8, served, on 41 pictures of training" in card
    assert "validation" not in card.replace("validation_", "")
    assert str(trained.out.parent) not in (trained.out / "manifest.json").read_text("utf-8")


def test_folds_intervals_hold_the_figures(trained: Trained) -> None:
    metrics = trained.bundle.manifest.metrics

    assert set(metrics["intervals"]) == {"accuracy", "auc", "sensitivity", "specificity"}
    for figure, (low, high) in metrics["intervals"].items():
        assert low <= metrics[figure] <= high
        assert high - low > 0.001


def test_folds_card_of_two_labels_has_what_to_expect_elsewhere(trained: Trained) -> None:
    metrics, card = trained.bundle.manifest.metrics, (trained.out / "README.md").read_text("utf-8")

    for figure in ("sensitivity", "specificity"):
        elsewhere = metrics["elsewhere"][figure]
        low, high = elsewhere["interval"]
        assert low < elsewhere["expected"] < high
        assert f"| {figure} | {elsewhere['expected']:.1%} | {low:.1%} to {high:.1%} |" in card
        assert min(figures[figure] for figures in metrics["harder"].values()) <= elsewhere["expected"] + 0.03


def test_folds_evaluate_recomputes_the_figures_of_the_card(trained: Trained, shapes: Path) -> None:
    result = _run(trained.out, shapes, "--held-out", "--json")

    assert result.exit_code == 0, result.output
    report, metrics = json.loads(result.stdout), trained.bundle.manifest.metrics
    assert {name: report[name] for name in report if name in metrics} == {
        name: metrics[name] for name in report if name in metrics
    }
    assert {"accuracy", "confusion", "auc", "nll", "needs_review", "sensitivity"} < set(report) & set(metrics)


def test_folds_compare_uses_the_out_of_fold_predictions(trained: Trained, shapes: Path) -> None:
    result = CliRunner().invoke(compare, [str(trained.out), str(shapes), "--held-out", "--json"])

    assert result.exit_code == 0, result.output
    [line] = json.loads(result.stdout)["bundles"]
    assert line["accuracy"] == trained.bundle.manifest.metrics["accuracy"]
    assert line["accuracy_interval"] == trained.bundle.manifest.metrics["intervals"]["accuracy"]


@pytest.mark.parametrize("harm", ["missing", "changed"])
def test_folds_held_out_needs_the_out_of_fold_predictions(
    trained: Trained, shapes: Path, tmp_path: Path, harm: str
) -> None:
    copy = _copy(trained, tmp_path)
    if harm == "missing":
        (copy / "out_of_fold.csv").unlink()
    else:
        (copy / "out_of_fold.csv").write_text((copy / "out_of_fold.csv").read_text().replace(",1,", ",2,", 1))

    result = _run(copy, shapes, "--held-out")

    assert result.exit_code == 2
    assert {"missing": "is missing", "changed": "is not the file that the lineage"}[harm] in result.stderr
    assert "--held-out" in result.stderr or harm == "changed"


def test_folds_out_of_fold_predictions_are_not_served(trained: Trained, tmp_path: Path) -> None:
    copy = _copy(trained, tmp_path)
    for name in ("out_of_fold.csv", "suspects.csv", "model.keras"):
        (copy / name).unlink()
    bundle = load_bundle(copy)

    classification = Classifier(bundle, load_model(bundle, threads=1)).classify(
        np.full((80, 96, 3), (240, 40, 40), np.uint8)
    )

    assert {candidate.label for candidate in classification.candidates} == {"disc", "square"}
    assert set(bundle.manifest.files) == {"model.tflite", "labels.txt", "profile.npz"}
    assert not (trained.out / ".training").exists()


def test_folds_bundle_can_be_started_from(trained: Trained) -> None:
    from shared.training.start import read_start

    assert trained.bundle.digest in read_start(trained.out).source


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["--folds=1"], "1 is too few; use 2 or more", id="one fold"),
        pytest.param(["--folds=0"], "0 is too few", id="no fold"),
        pytest.param(
            ["--folds=2", "--validation-share=0.2"], "--validation-share has no effect with --folds", id="share"
        ),
        pytest.param(["--folds=2", "--patience=3"], "--patience has no effect with --folds", id="patience"),
        pytest.param(["--folds=60"], "41 pictures cannot be divided among 60 folds", id="too many"),
        pytest.param(["--folds=2", "--group-by=[0-9a-z]"], "cannot be both trained and validated on", id="one group"),
        pytest.param(["--folds=2", "--resume"], "no stopped run", id="nothing to resume"),
    ],
)
def test_folds_command_exits_2_for_invalid_arguments(
    shapes: Path, tmp_path: Path, arguments: list[str], words: str
) -> None:
    data = shapes
    if "--group-by=[0-9a-z]" in arguments:
        data = tmp_path / "data"
        for label in ("disc", "square"):
            (data / label).mkdir(parents=True)
            for picture in sorted((shapes / label).glob("0*.png")):
                shutil.copyfile(picture, data / label / f"{label[0]}{picture.name}")

    result = CliRunner().invoke(
        command, [str(data), "--name=x", f"--out={tmp_path / 'x_v1'}", *arguments], env={"COLUMNS": "300"}
    )

    assert result.exit_code == 2
    assert words in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "x_v1" / "manifest.json").exists()


def test_folds_run_is_not_resumed_with_other_options(shapes: Path, tmp_path: Path) -> None:
    folder = tmp_path / "x_v1" / ".training"
    folder.mkdir(parents=True)
    (folder / "folds.json").write_text('{"folds": 3}')
    out = [str(shapes), "--name=x", f"--out={tmp_path / 'x_v1'}", "--resume"]

    plain = CliRunner().invoke(command, out)
    other = CliRunner().invoke(command, [*out, "--folds=2"])

    assert (plain.exit_code, other.exit_code) == (2, 2)
    assert "was given --folds; give it again" in plain.stderr
    assert "folds was 3 then and is 2 now" in other.stderr
    assert (folder / "folds.json").exists()
