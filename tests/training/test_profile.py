"""A profile is made of drawings, out of fold, by ``bucketlens bundle profile`` and by what training calls."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from shared.bundles.bundle import Bundle, load_bundle
from shared.bundles.folders import MODELS
from shared.bundles.manifest import MANIFEST
from shared.cli.bundle import command
from shared.inference.classifier import Classifier
from shared.settings import DEFAULT_BUNDLE
from shared.signals.profile import FILE, read_familiar, read_reference
from shared.training.dataset import Example, read_dataset
from shared.training.profile import FEWEST, profiled
from shared.wiring import load_model
from tests.inference.pictures import drawn
from tests.writable import copy_tree

LABELS = ("daisy", "tulips")
A_LABEL = 20


def picture(label: str, number: int) -> Image.Image:
    """A drawn flower somewhere on a ground that is a bit of another colour each time."""
    random = np.random.default_rng(number)
    canvas = Image.new("RGB", (256, 240), tuple(int(value) for value in random.integers(90, 160, 3)))
    edge = int(random.integers(150, 200))
    canvas.paste(drawn()[label].resize((edge, edge)), (int(random.integers(0, 50)), int(random.integers(0, 40))))
    return canvas


def fill(folder: Path, counts: dict[str, int]) -> Path:
    for label, count in counts.items():
        (folder / label).mkdir(parents=True)
        for number in range(count):
            picture(label, number).save(folder / label / f"{number:02d}.png")
    return folder


def make_bundle(folder: Path) -> Path:
    """Copy the reference model's bundle, as of another version."""
    copy_tree(MODELS / DEFAULT_BUNDLE, folder)
    document = json.loads((folder / MANIFEST).read_text("utf-8")) | {"version": "own"}
    (folder / MANIFEST).write_text(json.dumps(document), "utf-8")
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("data") / "drawings", dict.fromkeys(LABELS, A_LABEL))


def profile(bundle: Path | str, data: Path, *options: str) -> Result:
    return CliRunner().invoke(command, ["profile", str(bundle), str(data), *options], env={"COLUMNS": "300"})


@pytest.fixture(scope="module")
def made(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Bundle, Result]:
    folder = make_bundle(tmp_path_factory.mktemp("bundles") / "flowers_vown")
    result = profile(folder, pictures)
    assert result.exit_code == 0, result.output
    return load_bundle(folder), result


def test_profile_is_pinned_by_the_digest(made: tuple[Bundle, Result]) -> None:
    bundle, result = made
    shipped = load_bundle(MODELS / DEFAULT_BUNDLE)
    assert FILE in bundle.manifest.files
    assert bundle.digest != shipped.digest
    assert bundle.digest in result.output
    assert bundle.manifest.files[bundle.manifest.model_file] == shipped.manifest.files[shipped.manifest.model_file]


def test_profile_is_described_in_the_lineage(made: tuple[Bundle, Result]) -> None:
    facts = made[0].manifest.lineage["profile"]
    assert (facts["directions_from"], facts["novelty_of"], facts["how"]) == (40, 40, "5 folds of drawings")
    assert facts["false_alarms"] == pytest.approx(1 / 41, abs=1e-4)
    assert facts["directions"] == 20


def test_profile_has_a_novelty_out_of_fold_of_every_picture(made: tuple[Bundle, Result]) -> None:
    bundle = made[0]
    reference = read_reference(bundle.folder / FILE)
    familiar = read_familiar(bundle.folder / FILE, bundle.manifest.files[bundle.manifest.model_file])
    assert len(reference) == 2 * A_LABEL
    assert sorted(set(reference.label.tolist())) == sorted(map(bundle.manifest.labels.index, LABELS))
    assert familiar.unfamiliar_above == pytest.approx(reference.novelty.max())
    inside = (reference.embedding**2).sum(axis=1)
    assert (reference.novelty > 0.001).all(), "by directions that were made of the picture it would be next to 0"
    assert (inside > 0).all()


def test_profile_makes_noise_unfamiliar_and_drawings_familiar(made: tuple[Bundle, Result]) -> None:
    bundle = made[0]
    classifier = Classifier(bundle, load_model(bundle, threads=1))
    noise = np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8)
    own, other = (classifier.classify_with_signals(pixels) for pixels in (np.asarray(picture("daisy", 99)), noise))
    assert (own.is_unfamiliar, other.is_unfamiliar) == (False, True)
    assert other.signals is not None
    assert len(other.signals.embedding) == 20


def test_profile_is_replaced_only_with_force(made: tuple[Bundle, Result], pictures: Path) -> None:
    result = profile(made[0].folder, pictures)
    assert result.exit_code == 2
    assert "it has a profile already; add --force" in result.output


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        ({"daisy": 10, "tulips": 10}, f"20 of them can be read, expected {FEWEST} or more"),
        ({"daisy": 30, "tulips": 1}, "'tulips' has one picture only"),
        ({"daisy": 30, "tulips": 0}, "no picture of 'tulips' can be read"),
        ({}, "expected one sub-folder a label, found none"),
    ],
    ids=["few", "one", "none", "empty"],
)
def test_profile_of_too_few_pictures_is_refused_and_changes_nothing(
    tmp_path: Path, counts: dict[str, int], sentence: str
) -> None:
    folder, data = make_bundle(tmp_path / "bundle"), tmp_path / "data"
    data.mkdir()
    before = load_bundle(folder).digest
    result = profile(folder, fill(data, counts))
    assert result.exit_code == 2
    assert sentence in result.output
    assert load_bundle(folder).digest == before
    assert {path.name for path in tmp_path.iterdir()} == {"bundle", "data"}


def test_profile_of_other_labels_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data" / "zebra").mkdir(parents=True)
    result = profile(make_bundle(tmp_path / "bundle"), tmp_path / "data")
    assert result.exit_code == 2
    assert "zebra is no label of the model, expected sub-folders among daisy, dandelion" in result.output


def test_profile_of_a_bundle_that_ships_is_refused(pictures: Path) -> None:
    result = profile(DEFAULT_BUNDLE, pictures)
    assert result.exit_code == 2
    assert "it ships with Bucketlens" in result.output


def test_profile_needs_a_feature_map(tmp_path: Path, pictures: Path) -> None:
    folder = make_bundle(tmp_path / "bundle")
    document = json.loads((folder / MANIFEST).read_text("utf-8"))
    del document["explain"]
    (folder / MANIFEST).write_text(json.dumps(document), "utf-8")
    result = profile(folder, pictures)
    assert result.exit_code == 2
    assert "the model gives out no feature map" in result.output


def examples(pictures: Path) -> tuple[list[Example], list[Example]]:
    of_all = read_dataset(pictures, shrink_to_px=224).examples
    return list(of_all[::4]), [example for index, example in enumerate(of_all) if index % 4]


@pytest.fixture
def profile_of_split(tmp_path: Path, pictures: Path) -> Callable[..., tuple[Bundle, list[str]]]:
    """What training does where some pictures were kept apart."""
    bundle = load_bundle(make_bundle(tmp_path / "bundle"))
    model = load_model(bundle, threads=2)

    def make(held_out: int) -> tuple[Bundle, list[str]]:
        training, validation = examples(pictures)
        steps: list[str] = []
        manifest = profiled(bundle.folder, bundle.manifest, model, training, validation[:held_out], steps.append)  # type: ignore[arg-type]
        return Bundle(bundle.folder, manifest, ""), steps

    return make


def test_profile_of_training_has_directions_of_training_pictures_only(
    profile_of_split: Callable[..., tuple[Bundle, list[str]]],
) -> None:
    bundle, steps = profile_of_split(held_out=30)
    facts = bundle.manifest.lineage["profile"]
    assert (facts["directions_from"], facts["novelty_of"], facts["how"]) == (10, 30, "validation pictures")
    assert len(read_reference(bundle.folder / FILE)) == 30
    assert steps == ["making the profile"]


def test_profile_is_left_out_with_few_validation_pictures(
    profile_of_split: Callable[..., tuple[Bundle, list[str]]],
) -> None:
    bundle, steps = profile_of_split(held_out=29)
    assert FILE not in bundle.manifest.files
    assert steps == [
        f"no profile: 29 pictures were kept from training, expected {FEWEST} or more to set the threshold of novelty"
    ]
