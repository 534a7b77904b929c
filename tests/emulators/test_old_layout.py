"""Data folders of earlier versions, whose buckets fake-gcs-server kept: all of it is there afterwards, once."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import google_crc32c
import pytest

from tests.emulators.storage_parts import ROOT, client_of, running_storage

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only there can Python write extended attributes")

OLD, NEW = 1795270797044628, 1795270799000000


def write_old(buckets: Path, path: str, content: bytes, generation: int, **metadata_changes: Any) -> None:
    """Write an object as fake-gcs-server did."""
    file = buckets / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    metadata = {
        "ContentType": "image/jpeg",
        "ContentEncoding": "",
        "Crc32c": base64.b64encode(google_crc32c.Checksum(content).digest()).decode(),
        "Md5Hash": base64.b64encode(hashlib.md5(content).digest()).decode(),
        "ACL": [{"Entity": "projectOwner-test-project", "Role": "OWNER"}],
        "Metadata": None,
        "Created": "2026-11-21T10:54:27.5Z",
        "Deleted": "0001-01-01T00:00:00Z",
        "Updated": "2026-11-21T10:54:27.5Z",
        "Generation": generation,
        **metadata_changes,
    }
    os.setxattr(file, "user.metadata", json.dumps(metadata).encode())


@pytest.fixture
def old_folder(tmp_path: Path) -> Path:
    """A folder with two buckets, one of which keeps versions; an upload in it was cut off by a kill."""
    buckets = tmp_path / "buckets"
    kept = "bucketlens-kept-versions"
    write_old(buckets, "uploads/trip/größe.jpg", b"second", NEW, Metadata={"bucketlens-model": "flowers"})
    write_old(buckets, f"{kept}/kept/uploads/trip/größe.jpg/{OLD}", b"first", NEW - 5)
    write_old(buckets, f"{kept}/kept/uploads/trip/größe.jpg/{NEW}", b"second", NEW + 5)  # of an overwriting that died
    write_old(buckets, f"{kept}/enabled/uploads", b"", OLD, ContentType="")
    write_old(buckets, "archive/ab/abcd.jpg", b"zipped", OLD + 7, ContentEncoding="identity")
    for bucket in ("uploads", "archive", kept):
        (buckets / f"{bucket}.bucketMetadata").write_text("{}")
    (buckets / "uploads" / "half").write_bytes(b"pho")
    (tmp_path / "buckets.tmp").mkdir()
    return tmp_path


def test_migration_inserts_all_objects_and_versions_of_an_old_folder(old_folder: Path) -> None:
    with running_storage(old_folder) as storage, client_of(storage.url) as client:
        assert [bucket.name for bucket in client.list_buckets()] == ["archive", "uploads"]
        uploads, archive = client.get_bucket("uploads"), client.get_bucket("archive")
        assert (uploads.versioning_enabled, archive.versioning_enabled) == (True, False)
        old, new = uploads.list_blobs(versions=True)
        assert (old.generation, old.download_as_bytes(), old.time_deleted is None) == (OLD, b"first", False)
        assert (new.generation, new.download_as_bytes(), new.time_deleted) == (NEW, b"second", None)
        assert (new.name, new.content_type, new.metadata) == (
            "trip/größe.jpg",
            "image/jpeg",
            {"bucketlens-model": "flowers"},
        )
        [archived] = archive.list_blobs()
        assert (archived.name, archived.generation, archived.download_as_bytes()) == ("ab/abcd.jpg", OLD + 7, b"zipped")
        archived.delete()
    assert not (old_folder / "buckets").exists()
    assert (old_folder / "buckets.unfinished" / "uploads" / "half").read_bytes() == b"pho"
    with running_storage(old_folder) as storage, client_of(storage.url) as client:
        assert not list(client.list_blobs("archive")), "what was deleted since does not come back"
        assert len(list(client.list_blobs("uploads", versions=True))) == 2


def test_migration_that_was_killed_is_completed(old_folder: Path) -> None:
    script = f"""
import os, shutil
from pathlib import Path
from shared.emulators.storage import old_layout
from shared.emulators.storage.store import Store
old_layout.shutil.rmtree = lambda *_, **__: None
links = []
def link(*places):
    links.append(places)
    if len(links) == 2:
        os._exit(9)
    os_link(*places)
os_link, os.link = os.link, link
folder = Path({str(old_folder)!r})
old_layout.migrate(folder / "buckets", Store(folder / "objects"))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False)
    assert done.returncode == 9
    assert len(list(old_folder.rglob("objects/files/*/*"))) == 1
    with running_storage(old_folder) as storage, client_of(storage.url) as client:
        assert len(list(client.list_blobs("uploads", versions=True))) == 2
        assert len(list(client.list_blobs("archive"))) == 1
    assert len(list(old_folder.rglob("objects/files/*/*"))) == 3
