"""Find the model at a path: a model file by its content, a SavedModel, or a folder or zip archive with a model."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

from shared.errors import Misconfigured
from shared.images.files import files_under
from shared.importing.keras_file import HDF5
from shared.importing.labels import are_numbered, labels_in, named

KERAS, SAVED_MODEL, TFLITE = "Keras", "SavedModel", "LiteRT"
EXPECTED = "expected a .keras, .h5 or .tflite file, a SavedModel folder, or an export of Teachable Machine"

TEACHABLE_MACHINE = ("keras_model.h5", "model.savedmodel", "model_unquant.tflite", "model.tflite")
"""File names of its exports: https://github.com/googlecreativelab/teachablemachine-community"""

FOREIGN = {
    ".onnx": "convert ONNX to .tflite with onnx2tf",
    ".pt": "convert PyTorch to .tflite with ai-edge-torch",
    ".pth": "convert PyTorch to .tflite with ai-edge-torch",
    ".safetensors": "convert PyTorch to .tflite with ai-edge-torch",
    ".pb": "give the SavedModel's folder, not its saved_model.pb; a frozen graph cannot be imported",
    ".json": "of Teachable Machine export the Tensorflow or Tensorflow Lite model instead of Tensorflow.js",
}
KERAS_LAYERS = re.compile(rb'"class_name"\s*:\s*"(?:Functional|Sequential|Model)"')
HEAD_BYTES = 2**16
LARGEST_ARCHIVE_BYTES = 4 * 2**30


@dataclass(frozen=True, slots=True)
class Source:
    """A model that was found at a path."""

    kind: str
    """``KERAS``, ``SAVED_MODEL`` or ``TFLITE``."""
    path: Path
    """The model's file, or a SavedModel's folder."""
    labels: tuple[str, ...] | None = None
    """From a labels.txt next to the model."""
    is_teachable_machine: bool = False

    @property
    def title(self) -> str:
        """The usual name of its kind."""
        return f"Teachable Machine ({self.kind})" if self.is_teachable_machine else self.kind


def find_source(path: Path, scratch: Path) -> Source:
    """Find the model that a path holds.

    Args:
        path: a file or a folder, whatever its name.
        scratch: an empty folder, into which an archive is unpacked.

    Raises:
        Misconfigured: the path holds no model, several, or one of another framework; the message names the remedy.
    """
    if path.is_dir():
        return _in_folder(path)
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        raise Misconfigured(f"the model {path}", [f"it cannot be read ({error.strerror})"]) from error
    if head.startswith(HDF5):
        return Source(KERAS, path)
    if head[4:8] == b"TFL3":
        return Source(TFLITE, path)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if "config.json" in archive.namelist():
                return Source(KERAS, path)
        return _in_folder(_unpacked(path, scratch))
    raise Misconfigured(f"the model {path.name}", [_advice(path) or f"it is not a model; {EXPECTED}"])


def _in_folder(folder: Path) -> Source:
    if (folder / "saved_model.pb").is_file():
        return Source(SAVED_MODEL, folder)
    saved = [file.parent for file in sorted(folder.rglob("saved_model.pb"))]
    single = [
        file
        for file in files_under(folder)
        if file.suffix.lower() in (".keras", ".h5", ".tflite")
        and not any(file.is_relative_to(model) for model in saved)
    ]
    models = [*saved, *single]
    if len(models) != 1:
        names = ", ".join(str(model.relative_to(folder)) for model in models[:5])
        count = f"{len(models)} models ({names}); name one" if models else _foreign(folder)
        raise Misconfigured(f"the model {folder.name}", [f"it holds {count}"])
    [model] = models
    kind = SAVED_MODEL if model in saved else TFLITE if model.suffix.lower() == ".tflite" else KERAS
    text = next((parent / "labels.txt" for parent in (model.parent, folder) if (parent / "labels.txt").is_file()), None)
    content = text.read_text("utf-8-sig", errors="replace") if text else ""
    labels = named(labels_in(content), text.name) if text else None
    return Source(kind, model, labels, model.name in TEACHABLE_MACHINE and are_numbered(content))


def _advice(path: Path) -> str | None:
    """Return what to do instead, by a file's name; a .json file may be from two tools."""
    if path.suffix.lower() == ".json" and KERAS_LAYERS.search(path.read_bytes()[:HEAD_BYTES]):
        return "it describes the layers of a Keras model and has no weights; save both with model.save('model.keras')"
    return FOREIGN.get(path.suffix.lower())


def _foreign(folder: Path) -> str:
    for file in files_under(folder):
        if advice := _advice(file):
            return f"no model that can be imported, but {file.name}: {advice}"
    return f"none; {EXPECTED}"


def _unpacked(path: Path, scratch: Path) -> Path:
    folder = scratch / path.stem
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > LARGEST_ARCHIVE_BYTES:
                raise Misconfigured(f"the model {path.name}", ["unpacked it would be larger than 4 GiB"])
            archive.extractall(folder)  # extractall keeps names that lead outside inside the folder
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError) as error:
        fault = "it is a zip archive that is damaged or locked; export it again"
        raise Misconfigured(f"the model {path.name}", [fault]) from error
    return folder
