"""Bundles by reference: which version is read, and that an incomplete bundle is never served."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.adapters.gcs import CloudStorage
from shared.bundles.bundle import Bundle, digest_of, load_bundle
from shared.bundles.download import KEPT_S, MAX_MANIFEST_BYTES
from shared.bundles.folders import MODELS
from shared.bundles.manifest import MANIFEST
from shared.bundles.references import BundleReference, references_from
from shared.bundles.resolve import BundleSource
from shared.errors import InvalidBundle, Misconfigured, StorageUnavailable
from shared.local.cloud import PROJECT, Cloud
from shared.settings import DEFAULT_BUNDLE, own_models
from tests.bundles.copies import download_into, flip_a_byte, new_models_bucket, write_bundle, write_manifest
from tests.memory.object_store import MemoryStore

LARGEST_BYTES = 16 << 20


@pytest.fixture(scope="module")
def store(cloud: Cloud) -> CloudStorage:
    return CloudStorage(PROJECT, 20, endpoint=cloud.url("storage"))


@pytest.fixture(autouse=True)
def copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of downloaded copies, of this test alone."""
    return download_into(tmp_path, monkeypatch)


@pytest.fixture
def bucket(store: CloudStorage) -> str:
    return new_models_bucket(store)


@pytest.fixture
def put(store: CloudStorage, bucket: str) -> Callable[[Path, str], None]:
    """Return a function that uploads a folder as it is, with or without a manifest."""

    def put_folder(folder: Path, prefix: str) -> None:
        for path in (path for path in folder.rglob("*") if path.is_file()):
            assert store.upload(bucket, f"{prefix}/{path.relative_to(folder).as_posix()}", path)

    return put_folder


@pytest.fixture
def read(store: CloudStorage, bucket: str) -> Callable[..., Bundle]:
    """Return a function that reads a bundle of the bucket."""

    def read_folder(folder: str, largest_bytes: int = LARGEST_BYTES) -> Bundle:
        return BundleSource(lambda: store, largest_bytes, own_models()).bundle(
            BundleReference(f"gs://{bucket}/{folder}")
        )

    return read_folder


def faults_of(read: Callable[[], object]) -> tuple[str, ...]:
    with pytest.raises(InvalidBundle) as refused:
        read()
    assert tempfile.gettempdir() not in str(refused.value), "it names a private folder of the server"
    return refused.value.faults


def test_download_returns_the_same_bundle_as_a_folder(
    put: Callable[..., None], read: Callable[..., Bundle], tmp_path: Path
) -> None:
    folder = write_bundle(tmp_path / "b", "2")
    put(folder, "flowers/2")
    expected, downloaded = load_bundle(folder), read("flowers/2")
    assert (downloaded.manifest, downloaded.digest) == (expected.manifest, expected.digest)
    assert downloaded.model_path.read_bytes() == expected.model_path.read_bytes()
    assert read("flowers/2/").digest == expected.digest


def test_download_takes_the_highest_complete_version(
    put: Callable[..., None], read: Callable[..., Bundle], tmp_path: Path
) -> None:
    for version in ("9", "10"):
        put(write_bundle(tmp_path / version, version), f"flowers/{version}")
    unfinished = write_bundle(tmp_path / "11", "11")
    (unfinished / MANIFEST).unlink()
    put(unfinished, "flowers/11")
    put(write_bundle(tmp_path / "x", "99"), "flowers/old/99")
    assert read("flowers").manifest.version == "10"


def test_download_ignores_a_deleted_version(
    put: Callable[..., None], read: Callable[..., Bundle], store: CloudStorage, bucket: str, tmp_path: Path
) -> None:
    for version in ("1", "2"):
        put(write_bundle(tmp_path / version, version), f"flowers/{version}")
    store.delete(store.find(bucket, f"flowers/2/{MANIFEST}").ref)
    assert read("flowers").manifest.version == "1"


def test_source_takes_the_highest_version_of_a_local_folder(tmp_path: Path) -> None:
    for version in ("9", "10"):
        write_bundle(tmp_path / "flowers" / version, version)
    source = BundleSource(lambda: pytest.fail("no store is needed"), 0, own_models())
    assert source.bundle(BundleReference(str(tmp_path / "flowers"))).manifest.version == "10"
    assert source.bundle(BundleReference(DEFAULT_BUNDLE)).folder == MODELS / DEFAULT_BUNDLE
    with pytest.raises(InvalidBundle, match="cannot be read"):
        source.bundle(BundleReference(str(tmp_path)))


def test_download_refuses_a_folder_without_a_bundle(read: Callable[..., Bundle], store: CloudStorage) -> None:
    nothing = ("neither it nor a folder in it holds a manifest.json",)
    assert faults_of(lambda: read("flowers")) == nothing
    source = BundleSource(lambda: store, LARGEST_BYTES, own_models())
    assert faults_of(lambda: source.bundle(BundleReference("gs://no-such-bucket-here/flowers"))) == nothing


def change(folder: Path, **fields: object) -> None:
    write_manifest(folder, json.loads((folder / MANIFEST).read_text("utf-8")) | fields)


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (flip_a_byte, ["model.tflite has sha256"]),
        (lambda folder: (folder / "model.tflite").unlink(), ["model.tflite is missing"]),
        (lambda folder: (folder / MANIFEST).write_text("{", "utf-8"), ["is not JSON"]),
        (lambda folder: (folder / MANIFEST).write_text("[]", "utf-8"), ["format is 0", "labels must be"]),
        (lambda folder: change(folder, labels=[], version=""), ["labels must be", "version is ''"]),
        (lambda folder: (folder / "labels.txt").write_text("x", "utf-8"), ["labels.txt has sha256"]),
    ],
    ids=["a flipped byte", "a missing file", "no JSON", "no object", "two faults", "other labels"],
)
def test_download_refuses_an_incomplete_bundle_with_every_fault(
    put: Callable[..., None],
    read: Callable[..., Bundle],
    copies: Path,
    tmp_path: Path,
    spoil: Callable[[Path], object],
    expected: list[str],
) -> None:
    folder = write_bundle(tmp_path / "b", "2")
    spoil(folder)
    put(folder, "flowers/2")
    faults = faults_of(lambda: read("flowers/2"))
    assert [any(words in fault for fault in faults) for words in expected] == [True] * len(expected)
    assert list(copies.glob("*")) == [], "the incomplete copy is left"


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "a\\..\\x", "", ".", "a//b", "./a", MANIFEST])
def test_download_writes_nothing_outside_the_copy(
    put: Callable[..., None], read: Callable[..., Bundle], tmp_path: Path, name: str
) -> None:
    folder = write_bundle(tmp_path / "b", "2")
    files = json.loads((folder / MANIFEST).read_text("utf-8"))["files"]
    change(folder, files={**files, name: "0" * 64})
    put(folder, "flowers/2")
    before = sorted(tmp_path.rglob("*"))
    assert any("which is outside the bundle" in fault for fault in faults_of(lambda: read("flowers/2")))
    assert [path for path in tmp_path.rglob("*") if path not in before and path.is_file()] == []


@pytest.mark.parametrize("name", ["labels.txt/x", "a/" + "b" * 300], ids=["below a file", "too long"])
def test_download_refuses_a_name_that_no_file_can_have(copies: Path, tmp_path: Path, name: str) -> None:
    folder = write_bundle(tmp_path / "b", "2")
    files = json.loads((folder / MANIFEST).read_text("utf-8"))["files"]
    change(folder, files={**files, name: "0" * 64})
    store = MemoryStore()  # Cloud Storage allows names that no file can have; a local object store may not
    store.create_bucket("models")
    for path in folder.iterdir():
        store.put("models", f"flowers/2/{path.name}", path.read_bytes())
    store.put("models", f"flowers/2/{name}", b"x")
    source = BundleSource(lambda: store, LARGEST_BYTES, own_models())
    [fault] = faults_of(lambda: source.bundle(BundleReference("gs://models/flowers/2")))
    assert "cannot be written" in fault
    assert list(copies.iterdir()) == []


def test_download_refuses_too_many_bytes_unread(
    put: Callable[..., None], read: Callable[..., Bundle], tmp_path: Path
) -> None:
    put(write_bundle(tmp_path / "b", "2"), "flowers/2")
    [fault] = faults_of(lambda: read("flowers/2", largest_bytes=1000))
    assert "expected at most 1,000: half of MEMORY_MB" in fault
    put(write_bundle(tmp_path / "c", "3", description="x" * MAX_MANIFEST_BYTES), "flowers/3")
    [fault] = faults_of(lambda: read("flowers/3"))
    assert "expected at most 1,048,576" in fault


def test_download_includes_the_files_of_a_folder(
    put: Callable[..., None], read: Callable[..., Bundle], tmp_path: Path
) -> None:
    """A SavedModel is such a folder; its digest is over the files in it."""
    folder = write_bundle(tmp_path / "b", "2")
    (folder / "saved" / "variables").mkdir(parents=True)
    (folder / "saved" / "variables" / "index").write_bytes(b"1")
    (folder / "saved" / "graph.pb").write_bytes(b"2")
    files = {"labels.txt": digest_of(folder / "labels.txt"), "saved": digest_of(folder / "saved")}
    change(folder, files=files, model_file="saved", runtime="saved_model")
    (folder / "model.tflite").unlink()
    put(folder, "flowers/2")
    assert digest_of(read("flowers/2").model_path) == files["saved"]


def test_download_makes_a_new_private_copy_each_time(
    put: Callable[..., None], read: Callable[..., Bundle], copies: Path, tmp_path: Path
) -> None:
    put(write_bundle(tmp_path / "b", "2"), "flowers/2")
    first, second = read("flowers/2"), read("flowers/2")
    assert first.digest == second.digest
    assert set(copies.iterdir()) == {first.folder, second.folder}
    assert copies.stat().st_mode & 0o777 == 0o700


def test_download_removes_old_copies(
    put: Callable[..., None], read: Callable[..., Bundle], copies: Path, tmp_path: Path
) -> None:
    for version in ("1", "2"):
        put(write_bundle(tmp_path / version, version), f"flowers/{version}")
    old = read("flowers/1").folder
    long_ago = old.stat().st_mtime - KEPT_S - 1
    os.utime(old, (long_ago, long_ago))
    new = read("flowers/2").folder
    assert list(copies.iterdir()) == [new]


@pytest.mark.parametrize("kind", ["link", "file", "open folder"])
def test_download_refuses_an_open_folder_a_file_and_a_link(
    put: Callable[..., None], read: Callable[..., Bundle], copies: Path, tmp_path: Path, kind: str
) -> None:
    put(write_bundle(tmp_path / "b", "2"), "flowers/2")
    if kind == "link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        copies.symlink_to(tmp_path / "elsewhere")
    elif kind == "file":
        copies.write_text("", "utf-8")
    else:
        copies.mkdir()
        copies.chmod(0o777)
    with pytest.raises(Misconfigured, match="not a folder that only this user can open"):
        read("flowers/2")


def test_index_names_every_fault_of_every_bundle(store: CloudStorage, bucket: str, tmp_path: Path) -> None:
    broken = write_bundle(tmp_path / "b", "2")
    change(broken, labels=[], version="")
    references = references_from(f"{DEFAULT_BUNDLE},a=gs://{bucket}/a,b={broken},c=nowhere")
    source = BundleSource(lambda: store, LARGEST_BYTES, own_models())
    with pytest.raises(Misconfigured, match=r"^MODEL_BUNDLE: ") as refused:
        source.index(references)
    assert len(refused.value.faults) == 4
    for location in (f"gs://{bucket}/a", str(broken), "nowhere"):
        assert any(fault.startswith(f"the bundle {location}: ") for fault in refused.value.faults)


def test_silent_bucket_is_a_fault_of_the_index_and_transient_for_a_bundle() -> None:
    silent = BundleSource(lambda: CloudStorage(PROJECT, 1, endpoint="http://127.0.0.1:9"), LARGEST_BYTES, own_models())
    reference = BundleReference("gs://models/flowers")
    with pytest.raises(StorageUnavailable):
        silent.bundle(reference)
    with pytest.raises(Misconfigured, match="gs://models/flowers: it cannot be read now"):
        silent.index([reference])
