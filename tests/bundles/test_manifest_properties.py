"""A written manifest is read back unchanged, and each fault of a manifest is named."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.bundles import manifest as m
from shared.bundles.manifest import Explain, InputSpec, Manifest, Threshold, manifest_from
from tests.properties import FEW

texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=10)
labels = st.lists(texts.filter(str.strip), min_size=1, max_size=4, unique=True).map(tuple)
numbers = st.floats(-1000, 1000)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**400), 10**400) | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def inputs(draw: st.DrawFn) -> InputSpec:
    depth = draw(st.sampled_from([1, 3]))
    several = numbers if depth == 1 else numbers | st.tuples(numbers, numbers, numbers)
    return InputSpec(
        height_px=draw(st.integers(1, 4096)),
        width_px=draw(st.integers(1, 4096)),
        dtype=draw(st.sampled_from(m.DTYPES)),
        scale=draw(several),
        offset=draw(several),
        fit=draw(st.sampled_from(m.FITS)),
        filter=draw(st.sampled_from(m.FILTERS)),
        channels="L" if depth == 1 else draw(st.sampled_from(m.CHANNELS)),
        depth=depth,
        layout=draw(st.sampled_from(m.LAYOUTS)),
    )


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    names = draw(labels)
    decides = st.builds(Threshold, st.sampled_from(names), st.floats(0.01, 0.99)) if len(names) == 2 else st.none()
    return Manifest(
        name=draw(texts),
        version=draw(texts),
        description=draw(st.text(st.characters(codec="utf-8"), max_size=10)),
        runtime=draw(st.sampled_from(m.RUNTIMES)),
        model_file="model",
        labels=names,
        input=draw(inputs()),
        activation=draw(st.sampled_from(m.ACTIVATIONS)),
        temperature=draw(st.floats(0.01, 100)),
        review_below=draw(st.floats(0, 1)),
        metrics={"accuracy": draw(st.floats(0, 1))},
        lineage={},
        files={"model": "0" * 64, m.LABELS: "1" * 64},
        threshold=draw(st.none() | decides),
        explain=draw(st.none() | st.builds(Explain, texts, texts)),
    )


def read(document: Any) -> tuple[Manifest, list[str]]:
    faults: list[str] = []
    return manifest_from(document, faults), faults


@FEW
@given(manifests())
def test_manifest_is_read_as_it_was_written(manifest: Manifest) -> None:
    read_back, faults = read(json.loads(json.dumps(manifest.as_json())))
    assert faults == []
    assert read_back == manifest


@FEW
@given(json_values)
def test_manifest_of_any_json_has_faults_and_never_raises(document: Any) -> None:
    read_back, faults = read(document)
    assert faults
    assert read_back.input.shape


WRONG: dict[str, list[Any]] = {
    "name": ["", 3, None],
    "version": ["", 1.0, None],
    "description": [None, 3],
    "runtime": ["onnx", None, 1],
    "model_file": [None, 3],
    "labels": [None, "a", {}],
    "input.height_px": [0, 4097, 1.5, "8", True, None],
    "input.width_px": [0, 4097, 1.5, "8", True, None],
    "input.dtype": ["float16", None],
    "input.scale": [None, "1", True, [1.0, 2.0], [1.0, 2.0, 3.0, 4.0], [1.0, 2.0, "3"], [1.0, 2.0, float("inf")]],
    "input.offset": [None, "1", True, [1.0], [True, 2.0, 3.0], float("nan"), 10**400],
    "input.channels": ["rgb", 3],
    "input.depth": [0, 2, 4, 1.0],
    "input.layout": ["CHWN", 1],
    "resize.fit": ["cover", None],
    "resize.filter": ["box", None],
    "output.activation": ["relu", None],
    "calibration.temperature": [0, 0.0099, 100.1, -1, None, "1", float("inf")],
    "decision.review_below": [-0.001, 1.001, None, "0"],
    "decision.threshold": [0, 1, -1, 2, "0.5"],
    "decision.positive": ["unknown", 1],
    "metrics": [None, []],
    "lineage": [None, 1],
    "files": [None, []],
    "explain.feature_map": ["", None, 1],
    "explain.class_weights": ["", None, 1],
}


@FEW
@given(manifests(), st.data())
def test_manifest_faults_are_each_named(manifest: Manifest, data: st.DataObject) -> None:
    two = replace(manifest, labels=("yes", "no"), threshold=Threshold("no", 0.5), explain=Explain("a", "b"))
    document = copy.deepcopy(two.as_json())
    paths = data.draw(st.lists(st.sampled_from(sorted(WRONG)), min_size=1, max_size=4, unique=True))
    for path in paths:
        *outer, last = path.split(".")
        part = document
        for key in outer:
            part = part[key]
        part[last] = data.draw(st.sampled_from(WRONG[path]))
    _, faults = read(document)
    unnamed = [path for path in paths if not any(path in fault for fault in faults)]
    if "labels" in paths:  # the threshold is only checked where there are two labels
        unnamed = [path for path in unnamed if path not in ("decision.threshold", "decision.positive")]
    assert unnamed == []


@FEW
@given(manifests(), st.sampled_from(["/etc/passwd", "../model", "a/../../b"]))
def test_manifest_file_outside_the_bundle_is_named(manifest: Manifest, name: str) -> None:
    document = manifest.as_json()
    document["files"][name] = "2" * 64
    assert any(repr(name) in fault for fault in read(document)[1])


@FEW
@given(manifests(), st.sampled_from(["model", m.LABELS]))
def test_manifest_file_without_a_digest_is_named(manifest: Manifest, name: str) -> None:
    document = manifest.as_json()
    del document["files"][name]
    assert read(document)[1] == [f"files has no digest of {name}"]
