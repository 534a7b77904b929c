"""A model of each kind is imported with the options its owner would type, and serving gives the right labels."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from shared.bundles.bundle import load_bundle
from shared.cli.bundle import check_bundle
from shared.cli.classify import command as classify
from tests.importing.conftest import COLOURS, HEIGHT, WIDTH, Nets, imported, knows_colours, knows_light

pytestmark = pytest.mark.filterwarnings("ignore")  # TensorFlow's own
ROOT = Path(__file__).parents[2]
NAMES = ("--labels", ",".join(COLOURS))


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("colours.keras", ("--scaling", "0..1")),
        ("colours.h5", ("--scaling", "0..1")),
        ("saved_model", ("--scaling", "0..1")),
        ("any_size.keras", ("--scaling", "0..1", "--size", "20x30")),
        ("rescaled.keras", ()),
        ("rescaled_logits", ()),
        ("tanh.keras", ("--scaling", "0..1", "--activation", "logits")),
        ("channels_first.keras", ("--scaling", "0..1", "--channels-first")),
        ("channels_first_layers.keras", ("--scaling", "0..1", "--channels-first")),
        ("first.tflite", ("--scaling", "0..1", "--channels-first")),
        ("float32.tflite", ("--scaling", "0..1")),
        ("int8.tflite", ()),
        ("uint8.tflite", ()),
    ],
)
def test_import_of_each_kind_serves_the_right_labels(
    nets: Nets, tmp_path: Path, model: str, options: tuple[str, ...]
) -> None:
    result = imported(nets[model], tmp_path / "own", *NAMES, *options)
    assert result.exit_code == 0, result.output
    assert knows_colours(tmp_path / "own")
    assert CliRunner().invoke(check_bundle, [str(tmp_path / "own")]).exit_code == 0


def test_import_writes_a_bundle_that_classify_takes(nets: Nets, tmp_path: Path, samples: Path) -> None:
    assert imported(nets["rescaled.keras"], tmp_path / "own", *NAMES).exit_code == 0
    result = CliRunner().invoke(classify, ["--bundle", str(tmp_path / "own"), "--json", str(samples / "green/1.png")])
    assert json.loads(result.stdout)["label"] == "green"


def test_import_reads_size_type_and_activation_from_the_file(nets: Nets, tmp_path: Path) -> None:
    assert imported(nets["rescaled_logits"], tmp_path / "own_v7", *NAMES, "--name", "own").exit_code == 0
    manifest = load_bundle(tmp_path / "own_v7").manifest
    assert (manifest.input.height_px, manifest.input.width_px) == (HEIGHT, WIDTH)
    assert (manifest.input.dtype, manifest.input.scale, manifest.activation) == ("float32", 1.0, "logits")
    assert (manifest.name, manifest.version, manifest.runtime) == ("own", "7", "litert")


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_quantised_input_takes_bytes_in_its_own_steps(nets: Nets, tmp_path: Path, dtype: str) -> None:
    assert imported(nets[f"{dtype}.tflite"], tmp_path / "own", *NAMES).exit_code == 0
    spec = load_bundle(tmp_path / "own").manifest.input
    assert (spec.dtype, spec.scale, spec.offset) == (dtype, 1.0, {"int8": -128.0, "uint8": 0.0}[dtype])


def test_tflite_metadata_gives_labels_and_scaling(nets: Nets, tmp_path: Path) -> None:
    result = imported(nets["metadata.tflite"], tmp_path / "own")
    assert result.exit_code == 0, result.output
    manifest = load_bundle(tmp_path / "own").manifest
    assert manifest.labels == COLOURS
    assert (manifest.input.scale, manifest.input.offset) == pytest.approx((1 / 127.5, -1.0))
    assert manifest.lineage["scaling"]["from"] == "the file's metadata"
    assert knows_colours(tmp_path / "own")


@pytest.mark.parametrize("export", ["converted_keras", "converted_keras.zip", "converted_tflite.zip"])
def test_teachable_machine_export_needs_no_option(nets: Nets, tmp_path: Path, export: str) -> None:
    result = imported(nets[export], tmp_path / "own")
    assert result.exit_code == 0, result.output
    manifest = load_bundle(tmp_path / "own").manifest
    assert manifest.labels == (COLOURS if "tflite" in export else COLOURS[:2])
    assert (manifest.input.scale, manifest.input.offset) == pytest.approx((1 / 127.5, -1.0))
    assert (manifest.input.fit, manifest.input.filter) == ("crop", "lanczos")
    assert knows_colours(tmp_path / "own", manifest.labels)


def test_single_sigmoid_of_grey_pictures_has_two_labels_and_a_threshold(nets: Nets, tmp_path: Path) -> None:
    result = imported(nets["light.h5"], tmp_path / "own", "--labels", "dark,bright", "--scaling", "0..1")
    assert result.exit_code == 0, result.output
    manifest = load_bundle(tmp_path / "own").manifest
    assert (manifest.input.depth, manifest.input.channels, manifest.activation) == (1, "L", "sigmoid")
    assert manifest.threshold is not None
    assert (manifest.threshold.positive, manifest.threshold.score) == ("bright", 0.5)
    assert knows_light(tmp_path / "own")


def test_single_output_is_the_positive_labels_score(nets: Nets, tmp_path: Path) -> None:
    options = ("--labels", "bright,dark", "--positive", "bright", "--threshold", "0.6", "--scaling", "0..1")
    assert imported(nets["light.h5"], tmp_path / "own", *options).exit_code == 0
    manifest = load_bundle(tmp_path / "own").manifest
    assert manifest.labels == ("dark", "bright")
    assert manifest.threshold is not None
    assert manifest.threshold.score == 0.6
    assert knows_light(tmp_path / "own")


def test_single_logit_is_served_as_its_sigmoid(nets: Nets, tmp_path: Path) -> None:
    result = imported(nets["light_logit.keras"], tmp_path / "own", "--labels", "dark,bright", "--scaling", "0..255")
    assert result.exit_code == 0, result.output
    assert load_bundle(tmp_path / "own").manifest.activation == "logits"
    assert knows_light(tmp_path / "own")


@pytest.mark.parametrize(
    ("model", "runtime"), [("colours.h5", "keras"), ("any_size.keras", "keras"), ("spectrum", "saved_model")]
)
def test_kept_model_is_run_by_tensorflow(nets: Nets, tmp_path: Path, model: str, runtime: str) -> None:
    size = ("--size", "20x30") if model == "any_size.keras" else ()
    result = imported(nets[model], tmp_path / "own", *NAMES, "--scaling", "0..1", "--runtime", "keep", *size)
    assert result.exit_code == 0, result.output
    assert load_bundle(tmp_path / "own").manifest.runtime == runtime
    assert knows_colours(tmp_path / "own")


def test_tflite_file_is_imported_without_tensorflow(nets: Nets, tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['tensorflow'] = None\n"
        "from shared.cli import main\n"
        f"main(['bundle', 'import', {str(nets['metadata.tflite'])!r}, '--out', {str(tmp_path / 'own')!r}])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert knows_colours(tmp_path / "own")
