"""A bundle of a bucket in memory: which version is meant, and that nothing is taken that is not whole or too large."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.bundles.bundle import Bundle, digest_of, load_bundle
from shared.bundles.download import KEPT_S, MAX_MANIFEST_BYTES, BundleDownload
from shared.bundles.folders import MODELS
from shared.bundles.manifest import MANIFEST
from shared.bundles.references import BundleReference, references_from
from shared.bundles.resolve import BundleSource, with_absolute_paths
from shared.errors import AlreadyDone, InvalidBundle, Misconfigured, StorageUnavailable, TooManyBytes
from shared.settings import DEFAULT_BUNDLE
from shared.types import ObjectRef
from tests.bundles.copies import download_into, flip_a_byte, write_bundle, write_manifest
from tests.memory.faults import Faulty
from tests.memory.object_store import MemoryStore

BUCKET = "models"
ENOUGH = 16 << 20


@pytest.fixture
def copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return download_into(tmp_path, monkeypatch)


@pytest.fixture
def store() -> MemoryStore:
    made = MemoryStore()
    made.create_bucket(BUCKET, keeps_versions=True)
    return made


@pytest.fixture
def read(store: MemoryStore, copies: Path) -> Callable[..., Bundle]:
    def read_folder(folder: str = "flowers/2", max_bytes: int = ENOUGH) -> Bundle:
        return BundleDownload(store, max_bytes).bundle(BundleReference(f"gs://{BUCKET}/{folder}"))

    return read_folder


def put(store: MemoryStore, folder: Path, prefix: str = "flowers/2") -> int:
    """Upload a folder as it is; return how many bytes its files have without the manifest."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    for path in files:
        store.put(BUCKET, f"{prefix}/{path.relative_to(folder).as_posix()}", path.read_bytes())
    return sum(path.stat().st_size for path in files if path.name != MANIFEST)


def fields(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / MANIFEST).read_text("utf-8"))
    return found


def faults_of(act: Callable[[], object]) -> tuple[str, ...]:
    with pytest.raises(InvalidBundle) as refused:
        act()
    assert tempfile.gettempdir() not in str(refused.value)
    return refused.value.faults


def test_bundle_of_a_bucket_is_the_one_that_was_put_there(
    store: MemoryStore, read: Callable[..., Bundle], tmp_path: Path
) -> None:
    folder = write_bundle(tmp_path / "b", "2")
    put(store, folder)
    expected = load_bundle(folder)
    for where in ("flowers/2", "flowers/2/", "flowers"):
        found = read(where)
        assert (found.manifest, found.digest) == (expected.manifest, expected.digest)
        assert found.model_path.read_bytes() == expected.model_path.read_bytes()


def test_highest_version_with_a_manifest_is_meant_by_a_models_folder(
    store: MemoryStore, read: Callable[..., Bundle], tmp_path: Path
) -> None:
    for version in ("9", "10"):
        put(store, write_bundle(tmp_path / version, version), f"flowers/{version}")
    unfinished = write_bundle(tmp_path / "11", "11")
    (unfinished / MANIFEST).unlink()
    put(store, unfinished, "flowers/11")
    put(store, write_bundle(tmp_path / "x", "99"), "flowers/old/99")  # not a folder of the model's folder
    assert read("flowers").manifest.version == "10"
    store.put(BUCKET, f"flowers/10/{MANIFEST}", b"{}")
    store.delete(store.find(BUCKET, f"flowers/10/{MANIFEST}").ref)  # the bucket lists the one before it still
    assert read("flowers").manifest.version == "9"
    store.delete(store.find(BUCKET, f"flowers/9/{MANIFEST}").ref)
    assert faults_of(lambda: read("flowers")) == ("neither it nor a folder in it holds a manifest.json",)


def test_place_without_a_bundle_or_without_a_bucket_is_a_fault(read: Callable[..., Bundle], copies: Path) -> None:
    nothing = ("neither it nor a folder in it holds a manifest.json",)
    assert faults_of(read) == nothing
    assert faults_of(lambda: BundleDownload(MemoryStore(), ENOUGH).bundle(BundleReference("gs://nowhere/x"))) == nothing


def test_files_may_have_as_many_bytes_as_the_limit_says(
    store: MemoryStore, read: Callable[..., Bundle], tmp_path: Path
) -> None:
    size = put(store, write_bundle(tmp_path / "b", "2"))
    assert read(max_bytes=size).manifest.version == "2"
    [fault] = faults_of(lambda: read(max_bytes=size - 1))
    assert fault == f"its files have {size:,} bytes, expected at most {size - 1:,}: half of MEMORY_MB"


@pytest.mark.parametrize("more", [0, 1])
def test_manifest_may_have_a_mebibyte(
    store: MemoryStore, read: Callable[..., Bundle], tmp_path: Path, more: int
) -> None:
    folder = write_bundle(tmp_path / "b", "2")
    content = (folder / MANIFEST).read_bytes()
    (folder / MANIFEST).write_bytes(content + b" " * (MAX_MANIFEST_BYTES - len(content) + more))
    put(store, folder)
    assert MAX_MANIFEST_BYTES == 1024 * 1024
    if more:
        [fault] = faults_of(read)
        assert fault == f"gs://models/flowers/2/{MANIFEST} has 1,048,577 bytes, expected at most 1,048,576"
    else:
        assert read().manifest.version == "2"


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (flip_a_byte, ["model.tflite has sha256"]),
        (lambda folder: (folder / "model.tflite").unlink(), ["model.tflite is missing"]),
        (lambda folder: (folder / MANIFEST).write_text("{", "utf-8"), ["is not JSON"]),
        (lambda folder: (folder / "labels.txt").write_text("x", "utf-8"), ["labels.txt has sha256"]),
    ],
    ids=["a flipped byte", "a missing file", "no JSON", "other labels"],
)
def test_bundle_that_is_not_whole_is_refused_and_no_copy_of_it_stays(
    store: MemoryStore,
    read: Callable[..., Bundle],
    copies: Path,
    tmp_path: Path,
    spoil: Callable[[Path], object],
    expected: list[str],
) -> None:
    folder = write_bundle(tmp_path / "b", "2")
    spoil(folder)
    put(store, folder)
    faults = faults_of(read)
    assert [any(one in fault for fault in faults) for one in expected] == [True] * len(expected)
    assert list(copies.glob("*")) == []


@pytest.mark.parametrize(
    "name", ["../x", "/etc/passwd", "a/../../x", "a\\x", "a\0", "", ".", "..", "a//b", "./a", "a/", MANIFEST]
)
def test_name_in_a_manifest_that_leads_out_of_the_folder_is_a_fault(
    store: MemoryStore, read: Callable[..., Bundle], copies: Path, tmp_path: Path, name: str
) -> None:
    folder = write_bundle(tmp_path / "b", "2")
    files = fields(folder)["files"]
    assert isinstance(files, dict)
    put(store, folder)
    content = json.dumps(fields(folder) | {"files": {**files, name: "0" * 64}}).encode()
    store.put(BUCKET, f"flowers/2/{MANIFEST}", content)
    assert any("which is outside the bundle" in fault for fault in faults_of(read))
    assert not copies.exists()  # nothing was read


def test_folder_of_a_bundle_is_read_with_what_is_in_it_and_stays_inside(
    store: MemoryStore, read: Callable[..., Bundle], tmp_path: Path
) -> None:
    folder = write_bundle(tmp_path / "b", "2")
    (folder / "saved" / "variables").mkdir(parents=True)
    (folder / "saved" / "variables" / "index").write_bytes(b"1")
    (folder / "saved" / "variables" / "more").write_bytes(b"2")
    files = {"labels.txt": digest_of(folder / "labels.txt"), "saved": digest_of(folder / "saved")}
    write_manifest(folder, fields(folder) | {"files": files, "model_file": "saved", "runtime": "saved_model"})
    (folder / "model.tflite").unlink()
    put(store, folder)
    gone = store.put(BUCKET, "flowers/2/saved/gone", b"3")
    store.delete(gone)  # the bucket lists it still
    store.put(BUCKET, "flowers/2/saved/../../../x", b"4")
    assert digest_of(read().model_path) == files["saved"]


@pytest.mark.parametrize("error", [AlreadyDone("It is gone."), TooManyBytes("It grew.")])
@pytest.mark.parametrize("what", [MANIFEST, "labels.txt"])
def test_file_that_changes_while_it_is_read_is_a_fault(
    store: MemoryStore, copies: Path, tmp_path: Path, what: str, error: Exception
) -> None:
    put(store, write_bundle(tmp_path / "b", "2"))

    class Changing(Faulty):
        """Fails to read one object."""

        def read(self, ref: object, max_bytes: int) -> bytes:
            if str(getattr(ref, "name", "")).endswith(what):
                raise error
            content: bytes = store.read(ref, max_bytes)  # type: ignore[arg-type]
            return content

    download = BundleDownload(Changing(store), ENOUGH)
    [fault] = faults_of(lambda: download.bundle(BundleReference(f"gs://{BUCKET}/flowers/2")))
    assert fault.endswith(f"{what} was replaced while it was read")
    assert list(copies.glob("*")) == []


def test_service_that_does_not_answer_leaves_no_copy(store: MemoryStore, copies: Path, tmp_path: Path) -> None:
    put(store, write_bundle(tmp_path / "b", "2"))

    class Away(Faulty):
        """Does not answer once the manifest is read."""

        def read(self, ref: ObjectRef, max_bytes: int) -> bytes:
            if not ref.name.endswith(MANIFEST):
                raise StorageUnavailable("It does not answer.")
            return store.read(ref, max_bytes)

    with pytest.raises(StorageUnavailable):
        BundleDownload(Away(store), ENOUGH).bundle(BundleReference(f"gs://{BUCKET}/flowers/2"))
    assert list(copies.iterdir()) == []


def test_bundle_of_which_a_file_is_missing_is_refused_before_any_other_is_read(
    store: MemoryStore, copies: Path, tmp_path: Path
) -> None:
    folder = write_bundle(tmp_path / "b", "2")
    (folder / "model.tflite").unlink()
    put(store, folder)
    notes: list[str] = []
    download = BundleDownload(Faulty(store, notes), ENOUGH)
    assert faults_of(lambda: download.bundle(BundleReference(f"gs://{BUCKET}/flowers/2"))) == (
        "model.tflite is missing",
    )
    assert notes.count("read") == 1  # the manifest


def test_each_copy_is_a_new_one_that_only_this_user_can_open(
    store: MemoryStore, read: Callable[..., Bundle], copies: Path, tmp_path: Path
) -> None:
    put(store, write_bundle(tmp_path / "b", "2"))
    first, second = read(), read()
    assert set(copies.iterdir()) == {first.folder, second.folder}
    assert copies.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(("age_s", "stays"), [(0, True), (KEPT_S - 60, True), (KEPT_S + 1, False)])
def test_copy_stays_for_ten_minutes(
    store: MemoryStore, read: Callable[..., Bundle], copies: Path, tmp_path: Path, age_s: int, stays: bool
) -> None:
    put(store, write_bundle(tmp_path / "b", "2"))
    old = read().folder
    then = time.time() - age_s
    os.utime(old, (then, then))
    new = read().folder
    assert KEPT_S == 10 * 60
    assert set(copies.iterdir()) == ({old, new} if stays else {new})


@pytest.mark.parametrize("kind", ["link", "file", "open folder"])
def test_folder_of_copies_that_others_could_write_to_is_refused(
    store: MemoryStore, read: Callable[..., Bundle], copies: Path, tmp_path: Path, kind: str
) -> None:
    put(store, write_bundle(tmp_path / "b", "2"))
    if kind == "link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        copies.symlink_to(tmp_path / "elsewhere")
    elif kind == "file":
        copies.write_text("", "utf-8")
    else:
        copies.mkdir()
        copies.chmod(0o770)
    with pytest.raises(Misconfigured, match="not a folder that only this user can open"):
        read()


def source(store: MemoryStore, own_models: Path) -> BundleSource:
    return BundleSource(lambda: store, ENOUGH, own_models)


def test_every_fault_of_every_place_is_named_at_once(store: MemoryStore, copies: Path, tmp_path: Path) -> None:
    broken = write_bundle(tmp_path / "b", "2")
    write_manifest(broken, fields(broken) | {"labels": [], "version": ""})
    places = references_from(f"{DEFAULT_BUNDLE},a=gs://{BUCKET}/a,b={broken},c=nowhere")
    with pytest.raises(Misconfigured, match=r"^MODEL_BUNDLE: ") as refused:
        source(store, tmp_path).index(places)
    assert len(refused.value.faults) == 4
    for place in (f"gs://{BUCKET}/a", str(broken), "nowhere"):
        assert any(fault.startswith(f"the bundle {place}: ") for fault in refused.value.faults)


def test_places_that_can_be_read_make_an_index_in_their_order(store: MemoryStore, copies: Path, tmp_path: Path) -> None:
    put(store, write_bundle(tmp_path / "b", "2"))
    places = references_from(f"here={DEFAULT_BUNDLE},there=gs://{BUCKET}/flowers")
    assert source(store, tmp_path).index(places).names == ("here", "there")


def test_bucket_that_does_not_answer_is_a_fault_at_start_and_an_error_elsewhere(tmp_path: Path, copies: Path) -> None:
    away = Faulty(MemoryStore(), None, "find", before=StorageUnavailable("It does not answer."))
    asked = BundleSource(lambda: away, ENOUGH, tmp_path)
    place = BundleReference(f"gs://{BUCKET}/flowers")
    with pytest.raises(StorageUnavailable):
        asked.bundle(place)
    with pytest.raises(Misconfigured, match="gs://models/flowers: it cannot be read now"):
        asked.index([place])


def test_folder_of_this_machine_is_a_bundle_or_holds_versions(tmp_path: Path) -> None:
    for version in ("9", "10"):
        write_bundle(tmp_path / "flowers" / version, version)
    (tmp_path / "flowers" / "99").mkdir()
    asked = BundleSource(lambda: pytest.fail("no store is needed"), 0, tmp_path)
    assert asked.bundle(BundleReference(str(tmp_path / "flowers"))).manifest.version == "10"
    assert asked.bundle(BundleReference(str(tmp_path / "flowers" / "9"))).manifest.version == "9"
    assert asked.bundle(BundleReference(DEFAULT_BUNDLE)).folder == MODELS / DEFAULT_BUNDLE
    for nothing in (tmp_path, tmp_path / "not there"):
        with pytest.raises(InvalidBundle, match="cannot be read"):
            asked.bundle(BundleReference(str(nothing)))


def test_places_are_spelled_out_with_whole_paths_but_for_those_in_buckets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_bundle(tmp_path / "mine", "1")
    places = references_from(f"a@stable={DEFAULT_BUNDLE},b=gs://models/b,./mine")
    assert with_absolute_paths(places, tmp_path / "own") == (
        f"a@stable={(MODELS / DEFAULT_BUNDLE).resolve()},b=gs://models/b,{(tmp_path / 'mine').resolve()}"
    )
