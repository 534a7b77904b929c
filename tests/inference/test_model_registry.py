"""The model registry: its index before models are open, and snapshots that never change."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.bundles.bundle import Bundle
from shared.bundles.references import references_from
from shared.bundles.resolve import BundleSource
from shared.errors import UnknownModel
from shared.inference.classifier import Classifier
from shared.inference.registry import ModelRegistry
from shared.settings import own_models
from shared.types import ObjectRef, Upload
from shared.wiring import open_classifier
from tests.bundles.copies import write_bundle


def nowhere() -> None:
    raise AssertionError("no bundle of these tests is in a bucket")


SOURCE = BundleSource(nowhere, 0, own_models())  # type: ignore[arg-type]


def opened(bundle: Bundle) -> Classifier:
    return open_classifier(bundle, 1)


@pytest.fixture
def versions(tmp_path: Path) -> Path:
    """A folder of a model's versions, with version 1."""
    write_bundle(tmp_path / "flowers" / "1", "1")
    return tmp_path / "flowers"


def test_registry_index_is_known_before_any_model_is_open(versions: Path) -> None:
    opened_bundles: list[Bundle] = []

    def never(bundle: Bundle) -> Classifier:
        opened_bundles.append(bundle)
        raise AssertionError

    registry = ModelRegistry(SOURCE, references_from(str(versions)), never)
    assert (registry.index.names, registry.index.versions("flowers")) == (("flowers",), ("1",))
    assert (opened_bundles, list(registry.served)) == ([], [])


def test_registry_snapshot_stays_when_a_version_is_loaded(versions: Path) -> None:
    registry = ModelRegistry(SOURCE, references_from(str(versions)), opened)
    registry.open()
    before = registry.served
    upload = Upload(ObjectRef("uploads", "a.jpg", 1), 1, "image/jpeg")
    first = before.get_model_for(upload)
    write_bundle(versions / "2", "2", turn=1)
    assert registry.load("flowers").versions("flowers") == ("2",)
    assert registry.get_model_for(upload).bundle.manifest.version == "2"
    assert before.get_model_for(upload) is before.get_model() is first
    assert (before.index.versions("flowers"), [classifier.bundle.manifest.version for classifier in before]) == (
        ("1",),
        ["1"],
    )


def test_registry_load_opens_nothing_where_nothing_changed(versions: Path) -> None:
    opened_bundles: list[str] = []

    def counted(bundle: Bundle) -> Classifier:
        opened_bundles.append(bundle.digest)
        return opened(bundle)

    registry = ModelRegistry(SOURCE, references_from(str(versions)), counted)
    registry.open()
    before = registry.get_model()
    registry.load("flowers")
    assert (len(opened_bundles), registry.get_model()) == (1, before)


def test_registry_of_open_models_reads_nothing_again(versions: Path) -> None:
    first = opened(SOURCE.bundle(references_from(str(versions))[0]))
    registry = ModelRegistry.of([first])
    write_bundle(versions / "2", "2", turn=1)
    assert registry.load("flowers").versions("flowers") == ("1",)
    assert registry.get_model("flowers@1") is first
    with pytest.raises(UnknownModel):
        registry.load("trees")
