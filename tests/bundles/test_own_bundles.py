"""A user's own bundles are stored outside the program, listed after the shipped ones, and found by their names."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from shared.bundles.bundle import load_bundle
from shared.bundles.folders import MODELS, bundle_folder
from shared.cli import main
from shared.cli.bundle_names import new_folder, next_version, typed_bundle, typed_bundles
from shared.settings import DEFAULT_BUNDLE, own_models
from tests.writable import copy_tree


@pytest.fixture(autouse=True)
def _own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUCKETLENS_FOLDER", str(tmp_path / "data"))


def run(*typed: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in typed], env={"COLUMNS": "250"})


def test_imported_bundle_is_an_own_bundle_and_found_by_its_name(tmp_path: Path) -> None:
    model = tmp_path / "garden.tflite"
    shutil.copyfile(MODELS / DEFAULT_BUNDLE / "model.tflite", model)
    before = sorted(MODELS.rglob("*"))
    done = run("bundle", "import", model, "--labels", MODELS / DEFAULT_BUNDLE / "labels.txt", "--scaling", "0..255")
    assert done.exit_code == 0, done.output
    assert sorted(MODELS.rglob("*")) == before
    assert load_bundle(bundle_folder("garden_v1", own_models())).folder == own_models() / "garden_v1"
    assert "--bundle garden_v1 photo.jpg" in done.output
    listed = run("bundle", "list")
    assert load_bundle(own_models() / "garden_v1").digest[:12] in listed.output
    assert load_bundle(MODELS / DEFAULT_BUNDLE).digest[:12] in listed.output
    assert str(own_models()) in listed.output


def test_next_version_is_new_among_shipped_and_own_bundles() -> None:
    """A user who trains `flowers` does not hide the bundle that ships."""
    assert next_version("flowers") == "2"
    copy_tree(MODELS / DEFAULT_BUNDLE, own_models() / "flowers_v2")
    assert next_version("flowers") == "3"
    assert next_version("roses") == "1"


def test_typed_bundle_is_a_name_where_the_name_is_found(tmp_path: Path) -> None:
    assert typed_bundle(new_folder("roses", "1")) == "roses_v1"
    assert typed_bundle(MODELS / DEFAULT_BUNDLE) == DEFAULT_BUNDLE
    assert typed_bundle(tmp_path / "roses_v1") == str(tmp_path / "roses_v1")


def test_typed_bundles_are_names_where_they_have_one(tmp_path: Path) -> None:
    elsewhere = tmp_path / "x"
    whole = f"{MODELS / DEFAULT_BUNDLE},roses@canary={own_models() / 'roses_v2'},gs://models/c,d={elsewhere}"
    assert typed_bundles(whole) == f"{DEFAULT_BUNDLE},roses@canary=roses_v2,gs://models/c,d={elsewhere}"
    assert typed_bundles("") == ""


def test_bundle_list_names_the_empty_folder_of_own_bundles() -> None:
    assert f"Your own: none in {own_models()} yet" in run("bundle", "list").output


def test_bundle_list_shows_other_bundles_next_to_a_broken_one() -> None:
    copy_tree(MODELS / DEFAULT_BUNDLE, own_models() / "broken_v1")
    (own_models() / "broken_v1" / "labels.txt").unlink()
    copy_tree(MODELS / DEFAULT_BUNDLE, own_models() / "whole_v1")
    listed = run("bundle", "list")
    assert listed.exit_code == 0
    assert "cannot be used: labels.txt is missing" in listed.output
    assert "whole_v1" in listed.output


@pytest.mark.parametrize("typed", [["classify", "--bundle", "nosuch", __file__], ["bundle", "show", "nosuch"]])
def test_unknown_bundle_name_is_refused_with_the_known_ones(typed: list[str]) -> None:
    copy_tree(MODELS / DEFAULT_BUNDLE, own_models() / "roses_v1")
    done = run(*typed)
    assert done.exit_code == 2
    message = " ".join(done.stderr.split())
    assert "There is no bundle nosuch; choose chest_xray_v1, flowers_v1, roses_v1" in message
    assert "manifest.json" not in message


def test_bundle_check_names_a_missing_manifest(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    done = run("bundle", "check", tmp_path / "photos")
    assert done.exit_code == 1
    assert "manifest.json cannot be read" in done.stderr


def test_bundle_show_prints_the_manifest_of_a_named_bundle() -> None:
    copy_tree(MODELS / DEFAULT_BUNDLE, own_models() / "roses_v1")
    assert json.loads(run("bundle", "show", "roses_v1").stdout)["name"] == "flowers"
