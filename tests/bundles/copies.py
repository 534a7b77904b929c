"""Bundles for tests: copies of the one that ships, as another version, and spoiled ones."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import uuid
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.gcs import CloudStorage
from shared.bundles.folders import MODELS
from shared.bundles.manifest import MANIFEST
from shared.settings import DEFAULT_BUNDLE
from tests.writable import copy_file


def write_bundle(folder: Path, version: str, *, name: str = "flowers", turn: int = 0, **changes: Any) -> Path:
    """Copy the bundle that ships, and call it otherwise.

    Args:
        folder: is made.
        version: of the copy.
        name: of the model.
        turn: by how many places its labels are moved, so that its answers are others.
        changes: of the manifest's fields.
    """
    folder.mkdir(parents=True)
    manifest = json.loads((MODELS / DEFAULT_BUNDLE / MANIFEST).read_text("utf-8"))
    for file in manifest["files"]:
        copy_file(MODELS / DEFAULT_BUNDLE / file, folder / file)
    labels = manifest["labels"][turn:] + manifest["labels"][:turn]
    write_file(folder, manifest, "labels.txt", "".join(f"{label}\n" for label in labels).encode())
    write_manifest(folder, manifest | {"name": name, "version": version, "labels": labels, **changes})
    return folder


def write_file(folder: Path, manifest: dict[str, Any], name: str, content: bytes) -> None:
    """Write a file, and its digest into the manifest, which is not written."""
    (folder / name).write_bytes(content)
    manifest["files"][name] = hashlib.sha256(content).hexdigest()


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Write a manifest, whatever it says."""
    (folder / MANIFEST).write_text(json.dumps(manifest), "utf-8")


def write_unusable_bundle(folder: Path, version: str) -> Path:
    """Copy the bundle that ships with a text in the place of the model; every digest holds."""
    write_bundle(folder, version)
    manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    write_file(folder, manifest, "model.tflite", b"Roses are red.\n" * 1000)
    write_manifest(folder, manifest)
    return folder


def flip_a_byte(folder: Path) -> None:
    """Change one bit in the middle of the model's file."""
    content = bytearray((folder / "model.tflite").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "model.tflite").write_bytes(content)


def new_models_bucket(store: CloudStorage) -> str:
    """Make an empty models bucket, and return its name."""
    name = f"models-{uuid.uuid4().hex[:10]}"
    store.create_bucket(name, keeps_versions=True)
    return name


def download_into(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have downloads go below a folder, so that no test finds what another one left; return where their copies lie."""
    (folder / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder / "temporary"))
    return folder / "temporary" / f"bucketlens-{os.getuid()}"
