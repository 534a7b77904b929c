"""The commands that need no cloud, called as by users and scripts."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from PIL import ExifTags, Image

from shared.bundles.bundle import load_bundle
from shared.bundles.folders import MODELS
from shared.cli import COMMANDS, main
from shared.images.decode import Limits, decode
from shared.inference.classifier import Classifier
from shared.local.demo.drawings import drawings
from tests.pictures import encoded, scene
from tests.writable import copy_tree

ROOT = Path(__file__).parents[2]
BUNDLE = MODELS / "flowers_v1"
LABELS = (BUNDLE / "labels.txt").read_text("utf-8").splitlines()


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="bucketlens")


def lines_of(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Provide a folder of drawn flowers, with a sub-folder."""
    folder = tmp_path_factory.mktemp("album")
    (folder / "more").mkdir()
    for label, picture in drawings().items():
        parent = folder / "more" if label == "tulips" else folder
        picture.save(parent / f"{label}.jpg", quality=92)
    return folder


@pytest.fixture
def broken_bundle(tmp_path: Path) -> Path:
    """Provide a copy of the bundle with three faults."""
    folder = tmp_path / "broken_v1"
    copy_tree(BUNDLE, folder)
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    manifest["decision"]["review_below"] = 7
    manifest["input"]["dtype"] = "complex"
    manifest["labels"].append(manifest["labels"][0])
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    return folder


def commands(group: click.Group, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command with its words, also those of groups."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*above, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*above, name))


EVERY_COMMAND = [typed for typed, _ in commands(main)]


def test_help_lists_every_command_with_a_description() -> None:
    for flag in ("-h", "--help"):
        result = run(flag)
        assert result.exit_code == 0
        for command in COMMANDS:
            assert re.search(rf"^  {command} +\S", result.stdout, re.MULTILINE)
    assert {typed[0] for typed in EVERY_COMMAND} == set(COMMANDS)


@pytest.mark.parametrize("typed", EVERY_COMMAND, ids=" ".join)
def test_help_of_every_command_has_an_example(typed: tuple[str, ...]) -> None:
    result = run(*typed, "--help")
    assert result.exit_code == 0
    command = dict(commands(main))[typed]
    if not isinstance(command, click.Group):
        assert re.search(rf"Example:\n +bucketlens {' '.join(typed)}\b", result.stdout)


def test_help_explains_exit_codes() -> None:
    assert "Exit codes:" in run("--help").stdout
    for command in ("classify", "evaluate", "status", "demo", "drop", "sweep", "replay"):
        assert "Exit codes:" in run(command, "--help").stdout


def test_classify_writes_one_json_object_a_line_in_order(album: Path) -> None:
    result = run("classify", "--json", album / "roses.jpg", album / "daisy.jpg")
    assert result.exit_code == 0
    answers = lines_of(result)
    assert [answer["path"] for answer in answers] == [str(album / "roses.jpg"), str(album / "daisy.jpg")]
    threshold = load_bundle(BUNDLE).manifest.review_below
    for answer in answers:
        assert list(answer) == ["path", "label", "score", "candidates", "needs_review", "is_unfamiliar", "signals"]
        assert sorted(candidate["label"] for candidate in answer["candidates"]) == sorted(LABELS)
        scores = [candidate["score"] for candidate in answer["candidates"]]
        assert scores == sorted(scores, reverse=True)
        assert sum(scores) == pytest.approx(1, abs=1e-5)
        assert {"label": answer["label"], "score": answer["score"]} == answer["candidates"][0]
        assert answer["needs_review"] is (answer["score"] < threshold)


def test_classify_recognises_a_drawn_daisy(album: Path) -> None:
    [answer] = lines_of(run("classify", "--json", album / "daisy.jpg"))
    assert answer["label"] == "daisy"


def test_classify_answers_as_the_functions(album: Path, classifier: Classifier) -> None:
    path = album / "sunflowers.jpg"
    [answer] = lines_of(run("classify", "--json", path))
    shrink_to_px = classifier.bundle.manifest.input.long_edge_px
    classification = classifier.classify(decode(path.read_bytes(), Limits(), shrink_to_px=shrink_to_px).pixels)
    assert (answer["label"], answer["score"]) == (classification.label, classification.score)


def test_classify_reads_folders_by_name_without_hidden_files(album: Path) -> None:
    (album / ".hidden.jpg").write_bytes(b"not seen")
    names = [
        Path(answer["path"]).relative_to(album).as_posix() for answer in lines_of(run("classify", "--json", album))
    ]
    assert names == ["daisy.jpg", "dandelion.jpg", "more/tulips.jpg", "roses.jpg", "sunflowers.jpg"]


def test_classify_turns_pictures_upright(album: Path, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    with Image.open(album / "daisy.jpg") as upright:
        upright.rotate(90, expand=True).save(tmp_path / "turned.png", exif=exif)
        upright.save(tmp_path / "upright.png")
    turned, straight = lines_of(run("classify", "--json", tmp_path / "turned.png", tmp_path / "upright.png"))
    assert turned["candidates"] == straight["candidates"]


def test_classify_continues_after_a_bad_file_and_exits_with_1(album: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("bread, butter\n")
    (tmp_path / "b.png").write_bytes(encoded(scene(), "PNG")[:80])
    shutil.copy(album / "daisy.jpg", tmp_path / "c.jpg")
    result = run("classify", "--json", tmp_path)
    assert result.exit_code == 1
    text, cut, daisy = lines_of(result)
    assert (text["error"]["reason"], cut["error"]["reason"]) == ("not_an_image", "damaged_image")
    assert text["error"]["message"].endswith("upload one of these.")
    assert "label" not in text
    assert daisy["label"] == "daisy"


def test_classify_of_an_empty_folder_prints_nothing(tmp_path: Path) -> None:
    result = run("classify", "--json", tmp_path)
    assert (result.exit_code, result.stdout) == (0, "")


def test_classify_prints_a_table_by_default(album: Path, tmp_path: Path) -> None:
    (tmp_path / "list.jpg").write_text("bread, butter\n")
    result = run("classify", album / "daisy.jpg", tmp_path / "list.jpg")
    assert result.exit_code == 1
    assert "score" in result.stdout
    assert "daisy" in result.stdout
    assert not result.stdout.startswith("{")


@pytest.mark.parametrize("arguments", [(), ("no-such-file.jpg",), ("--no-such-option", ".")])
def test_classify_refuses_bad_arguments(arguments: tuple[str, ...]) -> None:
    result = run("classify", *arguments)
    assert result.exit_code == 2
    assert "Usage: bucketlens classify" in result.stderr
    assert result.stdout == ""


def test_classify_with_an_invalid_bundle_exits_with_2(album: Path, broken_bundle: Path) -> None:
    for bundle in (broken_bundle, "no_such_bundle"):
        result = run("classify", "--bundle", bundle, album / "daisy.jpg")
        assert result.exit_code == 2
        assert str(bundle) in re.sub(r"\s+", "", result.stderr) or str(bundle) in result.stderr


def test_bundle_list_shows_the_shipped_bundles() -> None:
    result = CliRunner().invoke(main, ["bundle", "list"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    assert "flowers_v1" in result.stdout


def test_bundle_show_prints_the_manifest_with_its_digest() -> None:
    result = run("bundle", "show", "flowers_v1")
    assert result.exit_code == 0
    shown = json.loads(result.stdout)
    content = (BUNDLE / "manifest.json").read_bytes()
    assert shown.pop("digest") == hashlib.sha256(content).hexdigest()
    assert shown == json.loads(content)


def test_bundle_check_runs_the_model_and_names_its_digest() -> None:
    result = run("bundle", "check", "flowers_v1")
    assert result.exit_code == 0
    assert hashlib.sha256((BUNDLE / "manifest.json").read_bytes()).hexdigest() in result.stdout


def test_bundle_check_names_every_fault_and_exits_with_1(broken_bundle: Path) -> None:
    result = run("bundle", "check", broken_bundle)
    assert result.exit_code == 1
    for fault in ("review_below is 7", "input.dtype is 'complex'", "labels has one label twice"):
        assert f"✗ {fault}" in result.stderr or fault in result.stderr
    assert result.stdout == ""


def test_bundle_check_finds_a_changed_file(tmp_path: Path) -> None:
    folder = tmp_path / "changed_v1"
    copy_tree(BUNDLE, folder)
    with (folder / "model.tflite").open("ab") as file:
        file.write(b"\0")
    result = run("bundle", "check", folder)
    assert result.exit_code == 1
    assert "model.tflite has sha256" in result.stderr


def test_bundle_show_of_an_unknown_bundle_is_a_usage_error() -> None:
    result = run("bundle", "show", "no_such_bundle")
    assert result.exit_code == 2
    assert "There is no bundle no_such_bundle" in result.stderr


def test_unknown_command_is_a_usage_error() -> None:
    result = run("clasify")
    assert result.exit_code == 2
    assert "No such command" in result.stderr


def test_command_line_runs_as_a_process_in_any_folder(album: Path, tmp_path: Path) -> None:
    """With stdout piped it has lines of JSON and nothing else."""
    done = subprocess.run(
        [sys.executable, "-m", "shared.cli", "classify", "--json", str(album / "daisy.jpg"), "no_image.jpg"],
        cwd=tmp_path_with_text(tmp_path),
        env={"PYTHONPATH": str(ROOT), "PATH": "", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    daisy, text = (json.loads(line) for line in done.stdout.splitlines())
    assert daisy["label"] == "daisy"
    assert (text["path"], text["error"]["reason"]) == ("no_image.jpg", "not_an_image")


def tmp_path_with_text(folder: Path) -> Path:
    (folder / "no_image.jpg").write_text("bread, butter\n")
    return folder
