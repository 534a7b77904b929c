"""Copies of bundles from a bucket: in a folder that only this user can open, with at most the allowed bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from shared.bundles.bundle import Bundle
from shared.bundles.download import MAX_MANIFEST_BYTES
from shared.bundles.manifest import MANIFEST
from shared.bundles.references import BundleReference
from shared.bundles.resolve import BundleSource
from shared.errors import InvalidBundle, Misconfigured
from tests.bundles.copies import download_into, write_bundle
from tests.memory.object_store import MemoryStore

MODELS = "models"
LARGEST_BYTES = 16 << 20
NO_FOLDER = Path("/nowhere")
"""No bundle of these tests is in a folder of the machine."""
PRIVATE = 0o700
OPEN = [PRIVATE | bit for bit in (0o040, 0o020, 0o010, 0o004, 0o002, 0o001)] + [0o777, 0o750, 0o711]
"""Each permission of the group and of others alone, and common modes."""


@pytest.fixture
def copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of downloaded copies."""
    return download_into(tmp_path, monkeypatch)


@pytest.fixture
def store() -> MemoryStore:
    """A store with an empty models bucket."""
    memory = MemoryStore()
    memory.create_bucket(MODELS, keeps_versions=True)
    return memory


@pytest.fixture
def put(store: MemoryStore) -> Callable[[Path], dict[str, int]]:
    """Return a function that uploads a bundle and returns the sizes of its files, by name, in bytes."""

    def run(folder: Path) -> dict[str, int]:
        contents = {path.name: path.read_bytes() for path in folder.iterdir()}
        for name, content in contents.items():
            store.put(MODELS, f"flowers/2/{name}", content)
        return {name: len(content) for name, content in contents.items()}

    return run


def read(store: MemoryStore, largest_bytes: int = LARGEST_BYTES) -> Bundle:
    return BundleSource(lambda: store, largest_bytes, NO_FOLDER).bundle(BundleReference(f"gs://{MODELS}/flowers"))


@pytest.mark.parametrize("mode", OPEN, ids=oct)
def test_folder_that_other_users_can_open_is_not_used(
    store: MemoryStore, put: Callable[[Path], dict[str, int]], copies: Path, tmp_path: Path, mode: int
) -> None:
    put(write_bundle(tmp_path / "b", "2"))
    copies.mkdir()
    copies.chmod(mode)
    with pytest.raises(Misconfigured, match="not a folder that only this user can open"):
        read(store)
    assert list(copies.iterdir()) == []
    copies.chmod(PRIVATE)
    assert read(store).manifest.version == "2"


def test_files_have_at_most_the_allowed_bytes(
    store: MemoryStore, put: Callable[[Path], dict[str, int]], copies: Path, tmp_path: Path
) -> None:
    sizes = put(write_bundle(tmp_path / "b", "2"))
    size = sum(sizes.values()) - sizes[MANIFEST]
    assert read(store, size).manifest.version == "2"
    with pytest.raises(InvalidBundle, match=f"have {size:,} bytes, expected at most {size - 1:,}"):
        read(store, size - 1)
    assert len(list(copies.iterdir())) == 1, "the copy of the refused bundle is left"


@pytest.mark.parametrize("too_many", [0, 1])
def test_manifest_is_read_up_to_its_limit(
    store: MemoryStore, put: Callable[[Path], dict[str, int]], copies: Path, tmp_path: Path, too_many: int
) -> None:
    folder = write_bundle(tmp_path / "b", "2")
    manifest = folder / MANIFEST
    manifest.write_bytes(manifest.read_bytes().ljust(MAX_MANIFEST_BYTES + too_many))
    put(folder)
    if too_many:
        with pytest.raises(InvalidBundle, match="has 1,048,577 bytes, expected at most 1,048,576"):
            read(store)
    else:
        assert read(store).manifest.version == "2"
