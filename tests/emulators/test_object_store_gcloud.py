"""gcloud storage against the object store, as the README shows it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from google.cloud.storage import Client

from tests.emulators.storage_parts import Storage

pytest_plugins = ("tests.emulators.storage_fixtures",)
pytestmark = pytest.mark.skipif(shutil.which("gcloud") is None, reason="gcloud is not installed")

Gcloud = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def gcloud(object_storage: Storage, storage_client: Client, tmp_path_factory: pytest.TempPathFactory) -> Gcloud:
    """Runs ``gcloud storage …``; there is a bucket ``photos``."""
    storage_client.create_bucket("photos")
    environment = {
        **os.environ,
        "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE": f"{object_storage.url}/storage/v1/",
        "CLOUDSDK_CONFIG": str(tmp_path_factory.mktemp("gcloud")),
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "CLOUDSDK_CORE_PROJECT": "local",
    }

    def run(*arguments: str, settings: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        command = ["gcloud", "storage", *arguments]
        more = dict(setting.split("=") for setting in settings)
        return subprocess.run(command, env=environment | more, capture_output=True, text=True, timeout=60)

    return run


def test_gcloud_uploads_lists_downloads_and_removes_a_photograph(gcloud: Gcloud, tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"a photograph")
    assert gcloud("cp", str(photo), "gs://photos/trip/photo.jpg").returncode == 0
    assert gcloud("ls", "gs://photos/trip/").stdout == "gs://photos/trip/photo.jpg\n"
    assert gcloud("cat", "gs://photos/trip/photo.jpg").stdout == "a photograph"
    removed = gcloud("rm", "gs://photos/trip/photo.jpg")
    assert (removed.returncode, "ERROR" in removed.stderr) == (0, False)


def test_gcloud_uploads_and_removes_a_folder_with_a_large_file(
    storage_client: Client, gcloud: Gcloud, tmp_path: Path
) -> None:
    album = {"one": b"a photograph", "inner/two": os.urandom(9 * 1024 * 1024)}
    for name, content in album.items():
        (tmp_path / "album" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "album" / name).write_bytes(content)
    assert gcloud("cp", "-r", str(tmp_path / "album"), "gs://photos/").returncode == 0
    stored = {
        blob.name: blob.download_as_bytes(retry=None) for blob in storage_client.list_blobs("photos", prefix="album/")
    }
    assert stored == {f"album/{name}": content for name, content in album.items()}
    removed = gcloud("rm", "-r", "gs://photos/album")
    assert (removed.returncode, "ERROR" in removed.stderr) == (0, False)
    assert not list(storage_client.list_blobs("photos", prefix="album/"))


def test_gcloud_uploads_a_large_file_in_composed_parts(storage_client: Client, gcloud: Gcloud, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(content := os.urandom(9 * 1024 * 1024))
    size = ["CLOUDSDK_STORAGE_PARALLEL_COMPOSITE_UPLOAD_ENABLED=True"]
    size += [f"CLOUDSDK_STORAGE_PARALLEL_COMPOSITE_UPLOAD_{name}=3M" for name in ("THRESHOLD", "COMPONENT_SIZE")]
    # As parts of the usual size go up: gcloud removes only these.
    size.append("CLOUDSDK_STORAGE_RESUMABLE_THRESHOLD=1M")
    sent = gcloud("cp", str(tmp_path / "large"), "gs://photos/large", settings=size)
    assert sent.returncode == 0, sent.stderr
    [stored] = storage_client.list_blobs("photos", prefix="large")
    assert stored.component_count > 1
    assert stored.md5_hash is None
    assert stored.download_as_bytes(retry=None) == content
    assert not list(storage_client.list_blobs("photos", prefix="gcloud/"))


def test_gcloud_lists_and_downloads_overwritten_versions(storage_client: Client, gcloud: Gcloud) -> None:
    bucket = storage_client.bucket("versioned")
    bucket.versioning_enabled = True
    storage_client.create_bucket(bucket)
    generations = []
    for content in (b"first", b"second"):
        blob = bucket.blob("trip/photo.jpg")
        blob.upload_from_string(content)
        generations.append(blob.generation)
    names = [f"gs://versioned/trip/photo.jpg#{generation}" for generation in generations]
    assert gcloud("ls", "-a", "gs://versioned/trip/").stdout.split() == names
    assert gcloud("ls", "gs://versioned/trip/").stdout.split() == ["gs://versioned/trip/photo.jpg"]
    assert gcloud("cat", names[0]).stdout == "first"
    assert gcloud("rm", names[0]).returncode == 0
    assert gcloud("ls", "-a", "gs://versioned/**").stdout.split() == names[1:]
