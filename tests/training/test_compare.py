"""`bucketlens compare` measures several bundles, and names the Pareto set."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from shared.bundles.bundle import Bundle, load_bundle
from shared.bundles.folders import MODELS
from shared.bundles.manifest import write_manifest
from shared.cli.compare import command
from shared.training.comparison import Compared, as_markdown, pareto_set
from shared.training.report import Report
from tests.writable import copy_tree

FLOWERS = MODELS / "flowers_v1"


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few pictures of noise under two of the labels."""
    folder, random = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for number in range(8):
        path = folder / ("daisy", "tulips")[number % 2]
        path.mkdir(exist_ok=True)
        coarse = Image.fromarray(random.integers(0, 256, (4, 4, 3), np.uint8))
        coarse.resize((250, 250), Image.Resampling.BICUBIC).save(path / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same model with another version and a temperature at which nothing is sure."""
    folder = tmp_path_factory.mktemp("models") / "flowers_v2"
    copy_tree(FLOWERS, folder)
    manifest = load_bundle(folder).manifest
    write_manifest(folder, dataclasses.replace(manifest, version="2", temperature=50.0))
    return folder


def _compare(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def _line(name: str, accuracy: float, milliseconds: float, megabytes: float) -> Compared:
    manifest = dataclasses.replace(load_bundle(FLOWERS).manifest, name=name)
    report = Report(10, accuracy, accuracy, 0.01, 0.1, 0.0, accuracy, {}, ((),), ())
    return Compared(Bundle(Path(name), manifest, "d" * 64), report, milliseconds, megabytes)


def test_compare_prints_a_line_with_all_figures_for_each_bundle(photos: Path, other: Path, tmp_path: Path) -> None:
    picture, table = tmp_path / "pareto.png", tmp_path / "table.md"

    result = _compare(FLOWERS, other, photos, "--json", "--picture", picture, "--markdown", table)

    assert result.exit_code == 0, result.output
    first, second = json.loads(result.stdout)["bundles"]
    assert (first["version"], second["version"]) == ("1", "2")
    assert first["accuracy"] == second["accuracy"]
    assert first["nll"] != second["nll"]
    for line in (first, second):
        assert line["images"] == 8
        assert line["megabytes"] == pytest.approx((FLOWERS / "model.tflite").stat().st_size / 1e6, abs=0.02)
        assert line["milliseconds"] > 0
        assert line["usd_a_million_images"] > 0.4
    with Image.open(picture) as drawn:
        assert min(drawn.size) > 300
    assert "flowers_v2" in table.read_text("utf-8")


def test_compare_marks_the_pareto_set(photos: Path, other: Path) -> None:
    result = _compare(FLOWERS, other, photos)

    assert result.exit_code == 0, result.output
    assert "Pareto set: flowers" in result.stdout


def test_pareto_set_lacks_a_bundle_that_another_beats() -> None:
    quick, right, beaten = _line("quick", 0.9, 3, 4), _line("right", 0.95, 6, 6), _line("beaten", 0.9, 7, 6)

    assert pareto_set([beaten, quick, right]) == [quick, right]
    markdown = as_markdown([beaten, quick, right], "On ten pictures.")
    assert "**quick**" in markdown
    assert "**beaten**" not in markdown


def test_pareto_set_has_both_of_two_equal_bundles() -> None:
    first, same = _line("one", 0.9, 3, 4), _line("same", 0.9, 3, 4)

    assert pareto_set([first, same]) == [first, same]


def test_price_of_a_million_images_follows_the_price_list() -> None:
    # 10,000 s of 1 vCPU and half a GiB: 0.24 + 0.0125 dollars, and 0.40 for the requests
    assert _line("one", 0.9, 10, 4).usd_a_million == pytest.approx(0.6525)


def test_compare_exits_2_for_a_label_that_a_bundle_lacks(tmp_path: Path) -> None:
    (tmp_path / "orchid").mkdir()

    result = _compare(FLOWERS, tmp_path)

    assert result.exit_code == 2
    assert "flowers_v1 has no label 'orchid'" in result.stderr
