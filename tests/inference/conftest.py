"""The reference model as it ships, and without its feature map."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared.bundles.bundle import Bundle, load_bundle
from shared.bundles.folders import MODELS
from shared.bundles.manifest import MANIFEST
from shared.inference.classifier import Classifier
from shared.settings import DEFAULT_BUNDLE
from shared.wiring import load_model
from tests.writable import copy_tree


@pytest.fixture(scope="session")
def flowers() -> Classifier:
    return _opened(load_bundle(MODELS / DEFAULT_BUNDLE))


@pytest.fixture(scope="session")
def plain_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference model's bundle without the manifest's ``explain`` part, like an older bundle."""
    folder = tmp_path_factory.mktemp("bundles") / "flowers_v1"
    copy_tree(MODELS / DEFAULT_BUNDLE, folder)
    document = json.loads((folder / MANIFEST).read_text("utf-8"))
    del document["explain"]
    (folder / MANIFEST).write_text(json.dumps(document), "utf-8")
    return folder


@pytest.fixture(scope="session")
def plain(plain_folder: Path) -> Classifier:
    return _opened(load_bundle(plain_folder))


def _opened(bundle: Bundle) -> Classifier:
    return Classifier(bundle, load_model(bundle, threads=1))
