"""A registry over folders: which model an upload is for, and what a load reads, opens, refuses and leaves as it was."""

from __future__ import annotations

import json
import logging
import shutil
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from shared.bundles.bundle import Bundle
from shared.bundles.manifest import MANIFEST
from shared.bundles.model_index import ModelIndex
from shared.bundles.references import BundleReference, references_from
from shared.bundles.resolve import BundleSource
from shared.errors import Busy, InvalidBundle, Misconfigured, UnknownModel
from shared.inference.classifier import Classifier
from shared.inference.registry import ModelRegistry
from shared.logs import log
from shared.types import ObjectRef, Upload
from shared.wiring import open_classifier
from tests.bundles.copies import write_bundle, write_manifest


@dataclass
class Reader:
    """Reads bundles of this machine, and notes what was read."""

    own_models: Path
    notes: list[str] = field(default_factory=list)

    def index(self, references: Iterable[BundleReference]) -> ModelIndex:
        self.notes.append("all")
        return self._source.index(references)

    def bundle(self, reference: BundleReference) -> Bundle:
        self.notes.append(reference.location)
        return self._source.bundle(reference)

    @property
    def _source(self) -> BundleSource:
        return BundleSource(lambda: pytest.fail("no bundle of these tests is in a bucket"), 0, self.own_models)


@dataclass
class Opener:
    """Opens models, and notes which."""

    notes: list[str] = field(default_factory=list)

    def __call__(self, bundle: Bundle) -> Classifier:
        self.notes.append(f"{bundle.manifest.name} {bundle.manifest.version}")
        return open_classifier(bundle, 1)


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return Reader(tmp_path)


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Two models, each a folder with one version."""
    write_bundle(tmp_path / "flowers" / "1", "1")
    write_bundle(tmp_path / "chest" / "1", "1", name="chest")
    return tmp_path


@pytest.fixture
def opener() -> Opener:
    return Opener()


@pytest.fixture
def registry(reader: Reader, opener: Opener, folders: Path) -> ModelRegistry:
    made = ModelRegistry(reader, references_from(f"{folders / 'flowers'},{folders / 'chest'}"), opener)
    made.open()
    return made


@pytest.fixture
def said() -> Iterator[list[logging.LogRecord]]:
    """What is logged at INFO and above."""
    records: list[logging.LogRecord] = []

    class Notes(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    notes, level = Notes(logging.INFO), log.level
    log.addHandler(notes)
    log.setLevel(logging.INFO)
    yield records
    log.removeHandler(notes)
    log.setLevel(level)


def upload(name: str, model: str | None = None) -> Upload:
    return Upload(ObjectRef("uploads", name, 1), 1, "image/jpeg", model)


@pytest.mark.parametrize(
    ("name", "model", "expected"),
    [
        ("a.jpg", None, "flowers"),
        ("chest/a.jpg", None, "chest"),
        ("chest/flowers/a.jpg", None, "chest"),
        ("holidays/a.jpg", None, "flowers"),
        ("holidays/chest/a.jpg", None, "flowers"),
        ("chest", None, "flowers"),  # a file of that name, and no folder
        ("chest.jpg", None, "flowers"),
        ("flowers/a.jpg", "chest", "chest"),
        ("chest/a.jpg", "flowers", "flowers"),
    ],
)
def test_upload_is_for_the_model_of_its_metadata_or_its_first_folder_or_the_default(
    registry: ModelRegistry, name: str, model: str | None, expected: str
) -> None:
    assert registry.get_model_for(upload(name, model)).bundle.manifest.name == expected
    assert registry.served.get_model_for(upload(name, model)).bundle.manifest.name == expected


def test_upload_whose_metadata_names_a_model_that_is_not_served_is_refused(registry: ModelRegistry) -> None:
    for model in ("cats", ""):
        with pytest.raises(UnknownModel):
            registry.get_model_for(upload("chest/a.jpg", model))


def test_model_is_found_by_its_name_and_version_and_the_first_without_a_name(registry: ModelRegistry) -> None:
    for given, expected in (
        ((), "flowers"),
        (("chest",), "chest"),
        (("chest", "1"), "chest"),
        ((None, "1"), "flowers"),
    ):
        assert registry.get_model(*given).bundle.manifest.name == expected
        assert registry.served.get_model(*given).bundle.manifest.name == expected
    for given in (("cats",), ("chest", "2")):
        with pytest.raises(UnknownModel):
            registry.get_model(*given)


def test_open_reads_no_bundle_again_whose_folder_is_there(
    registry: ModelRegistry, reader: Reader, opener: Opener
) -> None:
    assert reader.notes == ["all"]
    assert opener.notes == ["flowers 1", "chest 1"]
    assert [classifier.bundle.manifest.name for classifier in registry.served] == ["flowers", "chest"]


def test_open_reads_all_bundles_again_if_the_folder_of_one_is_gone(
    reader: Reader, opener: Opener, folders: Path, tmp_path: Path
) -> None:
    made = ModelRegistry(reader, references_from(f"{folders / 'flowers'},{folders / 'chest'}"), opener)
    shutil.move(folders / "chest" / "1", folders / "chest" / "2")
    made.open()
    assert reader.notes == ["all", "all"]
    assert made.get_model("chest").bundle.folder == folders / "chest" / "2"


def test_load_reads_the_places_of_its_model_and_opens_what_is_new(
    registry: ModelRegistry, reader: Reader, opener: Opener, folders: Path
) -> None:
    chest = registry.get_model("chest")
    write_bundle(folders / "flowers" / "2", "2", turn=1)
    index = registry.load("flowers")
    assert index is registry.index
    assert (index.versions("flowers"), index.versions("chest")) == (("2",), ("1",))
    assert reader.notes == ["all", str(folders / "flowers")]
    assert opener.notes == ["flowers 1", "chest 1", "flowers 2"]
    assert registry.get_model("chest") is chest
    assert registry.get_model("flowers").bundle.manifest.version == "2"


def test_load_says_what_is_served_from_now_on(
    registry: ModelRegistry, folders: Path, said: list[logging.LogRecord]
) -> None:
    write_bundle(folders / "flowers" / "2", "2", turn=1)
    digest = registry.load("flowers").find("flowers").digest
    [line] = said
    assert line.getMessage() == "loaded flowers: stable is version 2"
    assert line.fields == {"outcome": "loaded", "model": "flowers", "digest": digest}  # type: ignore[attr-defined]


def test_load_of_a_model_that_is_not_served_reads_nothing(registry: ModelRegistry, reader: Reader) -> None:
    with pytest.raises(UnknownModel):
        registry.load("cats")
    assert reader.notes == ["all"]


def test_load_of_a_bundle_that_is_not_whole_leaves_what_was_served(
    registry: ModelRegistry, folders: Path, said: list[logging.LogRecord]
) -> None:
    before = registry.served
    write_bundle(folders / "flowers" / "2", "2")
    (folders / "flowers" / "2" / "labels.txt").write_text("other\n", "utf-8")
    with pytest.raises(Misconfigured):
        registry.load("flowers")
    assert registry.served is before
    assert said == []
    (folders / "flowers" / "2" / MANIFEST).unlink()
    assert registry.load("flowers").versions("flowers") == ("1",)  # the next one is let in


def test_load_of_a_model_that_cannot_be_opened_leaves_what_was_served(
    reader: Reader, opener: Opener, folders: Path
) -> None:
    def second_fails(bundle: Bundle) -> Classifier:
        if bundle.manifest.version == "2":
            raise InvalidBundle("the bundle", ["it does not open"])
        return opener(bundle)

    registry = ModelRegistry(reader, references_from(str(folders / "flowers")), second_fails)
    registry.open()
    before = registry.served
    write_bundle(folders / "flowers" / "2", "2")
    with pytest.raises(InvalidBundle):
        registry.load("flowers")
    assert registry.served is before


def test_bundle_of_another_model_is_refused_in_a_place_without_a_name(registry: ModelRegistry, folders: Path) -> None:
    write_bundle(folders / "flowers" / "2", "2", name="chest")
    with pytest.raises(InvalidBundle, match="its model is 'chest', expected 'flowers'"):
        registry.load("flowers")


def test_bundle_of_another_model_is_served_in_a_place_with_a_name(
    reader: Reader, opener: Opener, folders: Path
) -> None:
    registry = ModelRegistry(reader, references_from(f"flowers={folders / 'flowers'}"), opener)
    registry.open()
    write_bundle(folders / "flowers" / "2", "2", name="roses")
    assert registry.load("flowers").versions("flowers") == ("2",)


def test_model_is_loaded_by_the_name_of_its_place(reader: Reader, opener: Opener, folders: Path) -> None:
    registry = ModelRegistry(reader, references_from(f"mine={folders / 'flowers'}"), opener)
    registry.open()
    write_bundle(folders / "flowers" / "2", "2")
    with pytest.raises(UnknownModel):
        registry.load("flowers")
    assert registry.load("mine").versions("mine") == ("2",)


def test_load_during_another_one_is_told_to_come_back(reader: Reader, folders: Path) -> None:
    has_begun, may_end = threading.Event(), threading.Event()

    def held(bundle: Bundle) -> Classifier:
        if bundle.manifest.version == "2":
            has_begun.set()
            assert may_end.wait(60)
        return open_classifier(bundle, 1)

    registry = ModelRegistry(reader, references_from(str(folders / "flowers")), held)
    registry.open()
    write_bundle(folders / "flowers" / "2", "2")
    first = threading.Thread(target=registry.load, args=["flowers"])
    first.start()
    assert has_begun.wait(60)
    try:
        with pytest.raises(Busy, match="is being loaded"):
            registry.load("flowers")
        assert registry.get_model().bundle.manifest.version == "1"  # requests go on meanwhile
    finally:
        may_end.set()
        first.join()
    assert registry.get_model().bundle.manifest.version == "2"


def test_registry_of_open_models_serves_them_and_loads_the_same_again(registry: ModelRegistry) -> None:
    classifiers = list(registry.served)
    of_them = ModelRegistry.of(classifiers)
    assert [bundle.digest for bundle in of_them.index] == [one.bundle.digest for one in classifiers]
    assert all(mine is given for mine, given in zip(of_them.served, classifiers, strict=True))
    assert of_them.load("chest").names == ("flowers", "chest")
    assert of_them.get_model("chest") is classifiers[1]


def test_registry_of_open_models_serves_them_as_an_index_says(registry: ModelRegistry, folders: Path) -> None:
    [flowers, chest] = registry.served
    index = ModelIndex(
        [
            (BundleReference(str(folders), "x-ray"), chest.bundle),
            (BundleReference(str(folders), "roses"), flowers.bundle),
        ]
    )
    of_them = ModelRegistry.of([flowers, chest], index)
    assert of_them.index.names == ("x-ray", "roses")
    assert of_them.get_model() is chest


def test_manifest_that_changed_in_its_place_is_another_version(registry: ModelRegistry, folders: Path) -> None:
    folder = folders / "flowers" / "1"
    before = registry.get_model("flowers")
    document = json.loads((folder / MANIFEST).read_text("utf-8"))
    write_manifest(folder, document | {"description": "Another."})
    registry.load("flowers")
    assert registry.get_model("flowers") is not before
    assert registry.get_model("flowers").bundle.manifest.description == "Another."
