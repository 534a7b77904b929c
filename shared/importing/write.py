"""Write a bundle atomically: into a folder next to its destination, checked as in serving, and then moved there."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from shared.bundles.bundle import Bundle, digest_of, load_bundle
from shared.bundles.manifest import LABELS, MANIFEST, Manifest, write_manifest
from shared.errors import Misconfigured
from shared.importing.card import write_card
from shared.inference.classifier import Classifier
from shared.training.quiet import silence
from shared.wiring import load_model


def check_free(out: Path, force: bool) -> None:
    """Check that a bundle may be written to a folder.

    Raises:
        Misconfigured: the folder is not empty, or with ``force`` it is not a bundle.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out / MANIFEST).is_file():
        raise Misconfigured("--out", [f"{out} exists and is not a bundle; choose another folder"])
    if not force:
        raise Misconfigured("--out", [f"{out} is a bundle already; choose another folder or version, or add --force"])


def write_bundle(manifest: Manifest, out: Path, write_model: Callable[[Path], object], force: bool) -> Bundle:
    """Write model, labels, card and, last, the manifest; run the model once; then move them to ``out``.

    Args:
        manifest: without ``files``, which are added.
        out: the bundle's folder.
        write_model: writes the model to the path that it gets.
        force: replace an existing bundle.

    Raises:
        InvalidBundle: the bundle cannot be served; no file of it is left.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        folder.chmod(0o755)
        write_model(folder / manifest.model_file)
        (folder / LABELS).write_text("".join(f"{label}\n" for label in manifest.labels), "utf-8")
        files = {name: digest_of(folder / name) for name in (manifest.model_file, LABELS)}
        whole = replace(manifest, files=files)
        write_card(folder, whole)
        write_manifest(folder, whole)
        bundle = load_bundle(folder)
        with silence():
            Classifier(bundle, load_model(bundle, threads=1)).warm_up()
        check_free(out, force)
        put_in_place(folder, out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return load_bundle(out)


def put_in_place(folder: Path, out: Path) -> None:
    """Move a folder to ``out``, and replace what is there."""
    if out.exists():
        before = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent)) / "before"
        out.rename(before)
        folder.rename(out)
        shutil.rmtree(before.parent)
    else:
        folder.rename(out)
