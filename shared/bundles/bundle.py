"""A model bundle: a folder with a manifest, the model, its labels and a model card, checked whole on loading.

The sha256 of ``manifest.json`` is the model's digest, and since the manifest holds the digests of the other files, one
digest pins everything.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from shared.bundles.manifest import LABELS, MANIFEST, Manifest, manifest_from
from shared.errors import InvalidBundle
from shared.types import ModelFacts


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle that was read and checked: the manifest is valid, and every file has the manifest's digest."""

    folder: Path
    manifest: Manifest
    digest: str
    """sha256 of ``manifest.json``, 64 hex digits."""

    @property
    def model_path(self) -> Path:
        """The path of the model file."""
        return self.folder / self.manifest.model_file

    @property
    def facts(self) -> ModelFacts:
        """The model's name, version, digest and runtime, as rows contain them."""
        manifest = self.manifest
        return ModelFacts(manifest.name, manifest.version, self.digest, manifest.runtime)


def load_bundle(folder: Path) -> Bundle:
    """Read and check a bundle folder.

    The model itself is not opened: ``classifier.Classifier`` compares its input and output with the manifest.

    Raises:
        InvalidBundle: with every fault: missing or changed files, fields that are missing, of the wrong type or
            out of range, labels that are empty, repeated or differ from ``labels.txt``.
    """
    try:
        content = (folder / MANIFEST).read_bytes()
    except OSError as error:
        raise InvalidBundle(f"the bundle {folder}", [f"{MANIFEST} cannot be read ({error.strerror})"]) from error
    manifest = parse_manifest(content, f"the bundle {folder}")
    if faults := _faults_of_files(folder, manifest):
        raise InvalidBundle(f"the bundle {folder}", faults)
    return Bundle(folder, manifest, hashlib.sha256(content).hexdigest())


def parse_manifest(content: bytes, what: str) -> Manifest:
    """Parse the bytes of ``manifest.json``; the files that it names are not checked.

    Args:
        content: the file's bytes.
        what: the bundle that the manifest belongs to, for the error.

    Raises:
        InvalidBundle: with every fault.
    """
    faults: list[str] = []
    try:
        manifest = manifest_from(json.loads(content), faults)
    except (ValueError, RecursionError) as error:
        raise InvalidBundle(what, [f"{MANIFEST} is not JSON ({error})"]) from error
    if faults:
        raise InvalidBundle(what, faults)
    return manifest


def digest_of(path: Path) -> str:
    """Return a file's sha256, 64 hex digits; a folder's is over its files' relative names and digests, sorted."""
    if path.is_dir():
        inside = sorted(file for file in path.rglob("*") if file.is_file())
        lines = "".join(f"{digest_of(file)}  {file.relative_to(path).as_posix()}\n" for file in inside)
        return hashlib.sha256(lines.encode()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _faults_of_files(folder: Path, manifest: Manifest) -> list[str]:
    faults = []
    for name, expected in manifest.files.items():
        path = folder / name
        if not _exists(path):
            faults.append(f"{name[:200]} is missing")
        elif (digest := digest_of(path)) != expected:
            faults.append(f"{name} has sha256 {digest}, expected {expected} as in the manifest")
    if not faults:
        lines = tuple((folder / LABELS).read_text("utf-8", errors="replace").splitlines())
        if lines != manifest.labels:
            faults.append(f"{LABELS} has {list(lines)}, the manifest's labels are {list(manifest.labels)}")
    return faults


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # the system does not allow a file of such a name
        return False
