"""A bundle appears whole or not at all: it is made beside its place, checked as serving does, and then moved there."""

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
    """See that a bundle may be written to a folder.

    Raises:
        Misconfigured: something lies there already, or with ``force`` something that is no bundle.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out / MANIFEST).is_file():
        raise Misconfigured("--out", [f"{out} exists and is no bundle; name another folder"])
    if not force:
        raise Misconfigured("--out", [f"{out} is a bundle already; name another folder or version, or add --force"])


def write_bundle(manifest: Manifest, out: Path, write_model: Callable[[Path], object], force: bool) -> Bundle:
    """Write model, labels, card and, last, the manifest; run the model once; then move them to their place.

    Args:
        manifest: without ``files``, which are filled in.
        out: where the bundle shall lie.
        write_model: is given the path of the model file.
        force: a bundle that lies there gives way.

    Raises:
        InvalidBundle: what was written cannot be served; nothing is left of it.
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
    """Put a folder in the place of what lies there."""
    if out.exists():
        before = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent)) / "before"
        out.rename(before)
        folder.rename(out)
        shutil.rmtree(before.parent)
    else:
        folder.rename(out)
