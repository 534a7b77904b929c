"""A manifest's fields at their limits, what an input's description means, and folders where a platform has others."""

from __future__ import annotations

import copy
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.bundles.bundle import digest_of, load_bundle, parse_manifest
from shared.bundles.data_folder import HIDDEN, data_folder
from shared.bundles.folders import MODELS
from shared.bundles.manifest import MANIFEST, InputSpec, manifest_from, write_manifest
from shared.bundles.model_index import ModelIndex
from shared.errors import InvalidBundle
from shared.settings import DEFAULT_BUNDLE
from shared.types import ModelFacts
from tests.bundles.copies import write_bundle
from tests.bundles.copies import write_manifest as write_document

SPEC = InputSpec(20, 30, "uint8", 1.0, 0.0, "crop", "bilinear")
SHIPPED: dict[str, Any] = json.loads((MODELS / DEFAULT_BUNDLE / MANIFEST).read_text("utf-8"))


def with_field(path: str, value: Any) -> dict[str, Any]:
    """Return the manifest that ships with another value of a field; None leaves the field out."""
    document = copy.deepcopy(SHIPPED)
    *above, last = path.split(".")
    part = document
    for key in above:
        part = part[key]
    part.pop(last, None)
    if value is not None:
        part[last] = value
    return document


def faults_of(document: Any) -> list[str]:
    faults: list[str] = []
    manifest_from(document, faults)
    return faults


@pytest.mark.parametrize(
    ("path", "good", "bad"),
    [
        ("input.height_px", (1, 4096), (0, 4097, 1.0, True, "1")),
        ("input.width_px", (1, 4096), (0, 4097)),
        ("input.depth", (3,), (0, 2, 4, "3")),
        ("input.scale", (1, 0.5, [1, 0.5, 2]), ([1, 2], [1, 2, 3, 4], [1, 2, True], [1, 2, float("nan")], "1")),
        ("input.offset", (0, -1.5, [0, 0, 0]), ([], [0, 0, "0"])),
        ("calibration.temperature", (0.01, 1, 100), (0.009, 100.1, float("nan"), float("inf"), None)),
        ("decision.review_below", (0, 0.5, 1), (-0.001, 1.001, None)),
        ("labels", (["a"], ["a", "b"]), ([], ["a", "a"], ["a", " "], ["a", ""], ["a", 1], "a")),
        ("name", ("a",), ("", None, 1)),
        ("version", ("1",), ("", None, 1)),
        ("description", ("", "a"), (None, 1)),
        ("format", (1,), (0, 2, "1", None)),
        ("runtime", ("litert",), ("nosuch", None)),
        ("explain.feature_map", ("a",), ("", 1)),
        ("explain.class_weights", ("a",), ("", 1)),
    ],
)
def test_manifest_field_is_valid_up_to_its_limits(path: str, good: tuple[Any, ...], bad: tuple[Any, ...]) -> None:
    last = path.rpartition(".")[2]
    for value in good:
        assert [fault for fault in faults_of(with_field(path, value)) if last in fault] == [], value
    for value in bad:
        assert any(last in fault for fault in faults_of(with_field(path, value))), value


def test_manifest_that_ships_has_no_fault() -> None:
    assert faults_of(SHIPPED) == []


@pytest.mark.parametrize(
    ("channels", "scale", "offset", "fault"),
    [
        ("L", 1.0, 0.0, None),
        ("RGB", 1.0, 0.0, "input.channels is 'RGB', expected 'L' where input.depth is 1"),
        ("L", [1, 1, 1], 0.0, "input.scale and input.offset must be one number each where input.depth is 1"),
        ("L", 1.0, [0, 0, 0], "input.scale and input.offset must be one number each where input.depth is 1"),
    ],
)
def test_manifest_of_one_channel_needs_luminance_and_single_numbers(
    channels: str, scale: Any, offset: Any, fault: str | None
) -> None:
    document = with_field("input.depth", 1)
    document["input"] |= {"channels": channels, "scale": scale, "offset": offset}
    assert faults_of(document) == ([fault] if fault else [])


@pytest.mark.parametrize(("score", "is_valid"), [(0, False), (0.001, True), (0.999, True), (1, False)])
def test_manifest_threshold_is_between_zero_and_one(score: float, is_valid: bool) -> None:
    document = with_field("labels", ["a", "b"])
    document["decision"] |= {"positive": "b", "threshold": score}
    assert (faults_of(document) == []) is is_valid


@pytest.mark.parametrize("labels", [["a"], ["a", "b", "c"]])
def test_manifest_threshold_needs_two_labels(labels: list[str]) -> None:
    document = with_field("labels", labels)
    document["decision"] |= {"positive": "a", "threshold": 0.5}
    assert faults_of(document) == [f"decision.threshold needs two labels, there are {len(labels)}"]


def test_manifest_with_faults_has_harmless_defaults() -> None:
    faults: list[str] = []
    manifest = manifest_from({}, faults)
    assert "format is 0, this release reads 1" in faults
    assert (manifest.temperature, manifest.review_below, manifest.input.scale, manifest.input.offset) == (1, 0, 1, 0)
    assert (manifest.input.dtype, manifest.input.fit, manifest.activation) == ("uint8", "crop", "logits")
    assert (manifest.input.height_px, manifest.input.width_px, manifest.input.depth) == (1, 1, 3)
    assert manifest_from(with_field("input.scale", [1, 2]), []).input.scale == 1.0


def test_manifest_nested_too_deeply_is_no_json() -> None:
    with pytest.raises(InvalidBundle, match="is not JSON"):
        parse_manifest(b'{"a":' * 100_000, "the bundle")


def test_manifest_is_written_as_people_read_it(tmp_path: Path) -> None:
    manifest = replace(load_bundle(MODELS / DEFAULT_BUNDLE).manifest, description="Rosen für Übungen")
    write_manifest(tmp_path, manifest)
    text = (tmp_path / MANIFEST).read_text("utf-8")
    assert "Rosen für Übungen" in text
    assert text.endswith("}\n")
    assert manifest_from(json.loads(text), []) == manifest


def test_input_shape_has_the_channels_where_the_layout_says() -> None:
    assert SPEC.shape == (1, 20, 30, 3)
    assert replace(SPEC, layout="NCHW").shape == (1, 3, 20, 30)
    assert replace(SPEC, depth=1).shape == (1, 20, 30, 1)
    assert SPEC.long_edge_px == replace(SPEC, height_px=30, width_px=20).long_edge_px == 30


@pytest.mark.parametrize(
    "changes", [{"dtype": "int8"}, {"layout": "NCHW"}, {"scale": 2.0}, {"scale": (1.0, 1.0, 1.0)}, {"offset": 1.0}]
)
def test_input_takes_pixels_only_if_nothing_is_to_be_done_to_them(changes: dict[str, Any]) -> None:
    assert SPEC.takes_pixels is True
    assert replace(SPEC, **changes).takes_pixels is False


def test_bundle_facts_are_those_of_its_manifest() -> None:
    bundle = load_bundle(MODELS / DEFAULT_BUNDLE)
    assert bundle.facts == ModelFacts("flowers", "1", digest_of(MODELS / DEFAULT_BUNDLE / MANIFEST), "litert")


@pytest.mark.parametrize("name", ["a" * 300, "a\0b"])
def test_bundle_file_of_a_name_that_no_file_can_have_is_missing(tmp_path: Path, name: str) -> None:
    folder = write_bundle(tmp_path / "b", "2")
    document = json.loads((folder / MANIFEST).read_text("utf-8"))
    write_document(folder, document | {"files": {**document["files"], name: "0" * 64}})
    with pytest.raises(InvalidBundle) as refused:
        load_bundle(folder)
    assert refused.value.faults == (f"{name[:200]} is missing",)


def test_digest_of_a_folder_changes_with_each_name_and_each_byte_in_it(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").write_bytes(b"1")
    first = digest_of(tmp_path / "a")
    assert len(first) == 64
    (tmp_path / "a" / "b" / "file").write_bytes(b"2")
    second = digest_of(tmp_path / "a")
    (tmp_path / "a" / "b" / "file").rename(tmp_path / "a" / "b" / "other")
    assert len({first, second, digest_of(tmp_path / "a")}) == 3


def test_index_of_bundles_serves_them_by_their_own_names() -> None:
    bundle = load_bundle(MODELS / DEFAULT_BUNDLE)
    index = ModelIndex.of([bundle])
    assert (index.names, index.default) == (("flowers",), bundle)


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/bucketlens"),
        ("win32", {}, "/people/ada/AppData/Local/bucketlens"),
        ("darwin", {"XDG_DATA_HOME": "/data"}, "/people/ada/Library/Application Support/bucketlens"),
        ("linux", {"XDG_DATA_HOME": "/data"}, "/data/bucketlens"),
        ("linux", {}, "/people/ada/.local/share/bucketlens"),
        ("linux", {"BUCKETLENS_FOLDER": "/mine"}, "/mine"),
    ],
)
def test_data_folder_is_where_the_platform_keeps_data(
    platform: str, environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: Path("/people/ada"))
    assert data_folder(environment) == Path(expected)


def test_data_folder_of_a_user_without_a_home_is_in_the_current_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nowhere)
    assert data_folder({}) == HIDDEN == Path(".bucketlens")
