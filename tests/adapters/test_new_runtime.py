"""A new model runtime is one new module: the one that docs/architecture.md shows is put there, and runs a bundle."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from shared.adapters import runtimes
from shared.bundles import manifest as manifests
from shared.bundles.bundle import load_bundle
from shared.bundles.manifest import MANIFEST, RUNTIMES
from shared.wiring import open_classifier
from tests.bundles.copies import write_bundle, write_file, write_manifest

PAGE = Path(__file__).parents[2] / "docs" / "architecture.md"
MODULE = "mean_colour"


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Put the page's example beside the runtimes; a manifest may then name it."""
    code = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)[1]
    (tmp_path / f"{MODULE}.py").write_text(code, "utf-8")
    monkeypatch.setattr(runtimes, "__path__", [*runtimes.__path__, str(tmp_path)])
    monkeypatch.setattr(manifests, "RUNTIMES", (*RUNTIMES, MODULE))
    yield code
    sys.modules.pop(f"{runtimes.__name__}.{MODULE}", None)
    vars(runtimes).pop(MODULE, None)


def test_runtime_that_is_one_new_module_runs_a_bundle(shown: str, tmp_path: Path) -> None:
    assert len([line for line in shown.splitlines() if line.strip()]) <= 20
    folder = write_bundle(tmp_path / "colours_v1", "1", name="colours")
    manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    np.savez(folder / "weights.npz", weights=np.eye(3, 5, dtype=np.float32), bias=np.zeros(5, np.float32))
    write_file(folder, manifest, "weights.npz", (folder / "weights.npz").read_bytes())
    del manifest["files"][manifest["model_file"]]
    size = {"dtype": "float32", "scale": 1 / 255, "offset": 0.0}
    changes = {"runtime": MODULE, "model_file": "weights.npz", "explain": None, "input": manifest["input"] | size}
    write_manifest(folder, {key: value for key, value in (manifest | changes).items() if value is not None})
    classifier = open_classifier(load_bundle(folder), threads=2)
    red = np.zeros((64, 64, 3), np.uint8)
    red[..., 0] = 255
    assert classifier.classify(red).label == manifest["labels"][0]


def test_manifests_may_name_every_module_of_the_runtimes_and_no_other() -> None:
    modules = {path.stem for path in Path(runtimes.__path__[0]).glob("*.py")} - {"__init__"}
    assert set(RUNTIMES) == modules == {"keras", "litert", "saved_model"}
    for module in modules:
        assert "\ndef open_model(" in (Path(runtimes.__path__[0]) / f"{module}.py").read_text("utf-8")
