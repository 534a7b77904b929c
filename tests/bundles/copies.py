"""Bundles for tests: copies of the default bundle as another version, and invalid ones."""

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
    """Copy the default bundle under another version or name.

    Args:
        folder: the copy's folder, which is created.
        version: the copy's version.
        name: the model's name.
        turn: number of positions by which the labels are rotated, so that the answers differ.
        changes: fields of the manifest that differ.
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
    """Write a file, and put its digest into the manifest document, which is not written."""
    (folder / name).write_bytes(content)
    manifest["files"][name] = hashlib.sha256(content).hexdigest()


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Write a manifest, valid or not."""
    (folder / MANIFEST).write_text(json.dumps(manifest), "utf-8")


def write_unusable_bundle(folder: Path, version: str) -> Path:
    """Copy the default bundle with a text as its model file; every digest is right."""
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
    """Create an empty models bucket, and return its name."""
    name = f"models-{uuid.uuid4().hex[:10]}"
    store.create_bucket(name, keeps_versions=True)
    return name


def download_into(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put downloads below a test's own folder, and return the folder of the copies."""
    (folder / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder / "temporary"))
    return folder / "temporary" / f"bucketlens-{os.getuid()}"
