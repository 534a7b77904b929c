"""Bundles to release: the one that ships under another version, and the same with its labels mixed up."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

from shared.settings import DEFAULT_BUNDLE, MODELS


def write_good_bundle(folder: Path) -> Path:
    """Copy the bundle that ships: the same model, whose digest is another since its version is."""
    return _copy(folder, turn=0)


def write_worse_bundle(folder: Path) -> Path:
    """Copy the bundle that ships with every label moved by one: it is as quick and as sure, and always wrong."""
    return _copy(folder, turn=1)


def _copy(folder: Path, turn: int) -> Path:
    folder.mkdir(parents=True)
    manifest = json.loads((MODELS / DEFAULT_BUNDLE / "manifest.json").read_text("utf-8"))
    for name in manifest["files"]:
        shutil.copy(MODELS / DEFAULT_BUNDLE / name, folder / name)
    labels = manifest["labels"][turn:] + manifest["labels"][:turn]
    content = "".join(f"{label}\n" for label in labels).encode()
    (folder / "labels.txt").write_bytes(content)
    manifest |= {"version": f"{manifest['version']}.{turn + 1}", "labels": labels}
    manifest["files"]["labels.txt"] = hashlib.sha256(content).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    return folder
