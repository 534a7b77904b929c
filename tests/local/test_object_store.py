"""The program behind the laptop's Cloud Storage: found, started, and healed after a kill."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.api_core import exceptions

from shared.errors import Misconfigured
from shared.local.object_store import PROGRAM_FOLDER, WRAPPER, find_program, object_store_command, set_unfinished_aside
from tests.local.storage_parts import Storage, client_of, running_storage


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Storage]:
    """The object store behind its proxy, with a bucket ``photos``."""
    with running_storage(tmp_path) as storage, client_of(storage.url) as client:
        client.create_bucket("photos")
        yield storage


@pytest.fixture
def other_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of the same name that comes first, with an empty folder for programs."""
    folder = tmp_path / WRAPPER / PROGRAM_FOLDER
    folder.mkdir(parents=True)
    (tmp_path / WRAPPER / "__init__.py").write_text("raise AssertionError('the wrapper was imported')")
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def test_the_program_for_this_machine_is_found() -> None:
    assert os.access(find_program(), os.X_OK)


@pytest.mark.parametrize(
    ("system", "machine", "name"),
    [
        ("Linux", "x86_64", "fake-gcs-server-linux-amd64"),
        ("Linux", "aarch64", "fake-gcs-server-linux-arm64"),
        ("Darwin", "arm64", "fake-gcs-server-darwin-arm64"),
        ("Darwin", "x86_64", "fake-gcs-server-darwin-amd64"),
        ("Windows", "AMD64", "fake-gcs-server-windows-amd64"),
    ],
)
def test_each_machine_has_its_program(
    other_package: Path, monkeypatch: pytest.MonkeyPatch, system: str, machine: str, name: str
) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(sys, "platform", "win32" if system == "Windows" else system.lower())
    program = other_package / (name + (".exe" if system == "Windows" else ""))
    program.touch(mode=0o644)
    assert find_program() == program
    assert os.access(program, os.X_OK)


def test_a_machine_without_a_program_is_told_which_there_are(
    other_package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (other_package / "fake-gcs-server-plan9-amd64").touch()
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(Misconfigured, match=r"no fake-gcs-server-\w+-riscv64 in .* has fake-gcs-server-plan9-amd64"):
        find_program()


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.local.object_store.WRAPPER", "no_such_package")
    with pytest.raises(Misconfigured, match="no-such-package is not installed"):
        find_program()


def test_the_store_listens_to_this_machine_only(tmp_path: Path) -> None:
    command, environment = object_store_command(
        port=1,
        folder=tmp_path / "buckets",
        public_url="http://127.0.0.1:2/",
        event_bucket="uploads",
        relay="127.0.0.1:3",
    )
    flags = dict(zip(command[1::2], command[2::2], strict=True))
    assert (flags["-host"], flags["-scheme"], flags["-public-host"]) == ("127.0.0.1", "http", "127.0.0.1:2")
    assert environment["PUBSUB_EMULATOR_HOST"] == "127.0.0.1:3"


def test_a_killed_store_has_every_object_and_its_generation_again(cloud: Storage) -> None:
    with client_of(cloud.url) as client:
        bucket = client.bucket("photos")
        before = {}
        for number in range(20):
            blob = bucket.blob(f"{number}")
            blob.upload_from_string(f"photo {number}", retry=None)
            before[blob.name] = blob.generation
        cloud.store.end(kill=True)
        cloud.store.start()
        assert {blob.name: blob.generation for blob in bucket.list_blobs()} == before
        assert bucket.blob("7").download_as_bytes(retry=None) == b"photo 7"


@pytest.mark.skipif(sys.platform != "linux", reason="only there can Python read extended attributes")
def test_a_file_that_was_never_finished_is_set_aside_and_the_bucket_can_be_listed_again(cloud: Storage) -> None:
    folder = cloud.folder / "buckets"
    with client_of(cloud.url) as client:
        client.bucket("photos").blob("trip/whole").upload_from_string(b"photo", retry=None)
        (folder / "photos" / "trip" / "half").write_bytes(b"pho")
        with pytest.raises(exceptions.NotFound):
            list(client.list_blobs("photos", retry=None))
        cloud.store.end()
        moved = set_unfinished_aside(folder)
        cloud.store.start()
        assert [path.read_bytes() for path in moved] == [b"pho"]
        assert [blob.name for blob in client.list_blobs("photos", retry=None)] == ["trip/whole"]
        assert set_unfinished_aside(folder) == []
