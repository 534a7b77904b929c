"""A model returns the same labels, and nearly the same scores, in every runtime and precision."""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared.bundles.bundle import Bundle, digest_of, load_bundle
from shared.bundles.folders import MODELS
from shared.bundles.manifest import LABELS, write_manifest
from shared.errors import InvalidBundle
from shared.inference.classifier import Classifier
from shared.local.demo.drawings import drawings
from shared.settings import DEFAULT_BUNDLE
from shared.wiring import load_model

ROOT = Path(__file__).parents[2]

TOLERANCE = {"keras": 0.005, "saved_model": 0.005, "float32": 0.005, "float16": 0.005, "int8": 0.1}
"""Largest difference of a score from Keras', by form; the shipped .keras file itself holds float16 weights."""


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bundle]:
    """The shipped model as a bundle of each form."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow

    network = tensorflow.keras.models.load_model(MODELS / DEFAULT_BUNDLE / "model.keras", compile=False)
    folder = tmp_path_factory.mktemp("forms")

    def tflite(half: bool) -> Callable[[Path], object]:
        def write(path: Path) -> object:
            shape = (1, *network.input_shape[1:])
            single = tensorflow.keras.Input(batch_shape=shape)
            converter = tensorflow.lite.TFLiteConverter.from_keras_model(
                tensorflow.keras.Model(single, network(single))
            )
            if half:
                converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
                converter.target_spec.supported_types = [tensorflow.float16]
            return path.write_bytes(converter.convert())

        return write

    return {
        "int8": load_bundle(MODELS / DEFAULT_BUNDLE),
        "float32": made(folder / "float32", "litert", "model.tflite", tflite(half=False)),
        "float16": made(folder / "float16", "litert", "model.tflite", tflite(half=True)),
        "keras": made(
            folder / "keras",
            "keras",
            "model.keras",
            lambda path: shutil.copyfile(MODELS / DEFAULT_BUNDLE / "model.keras", path),
        ),
        "saved_model": made(
            folder / "saved_model", "saved_model", "model", lambda path: network.export(path, verbose=False)
        ),
    }


def made(folder: Path, runtime: str, file: str, write: Callable[[Path], Any]) -> Bundle:
    """Write a bundle that takes float32 pixels."""
    folder.mkdir()
    write(folder / file)
    shutil.copyfile(MODELS / DEFAULT_BUNDLE / LABELS, folder / LABELS)
    shipped = load_bundle(MODELS / DEFAULT_BUNDLE).manifest
    manifest = replace(
        shipped,
        runtime=runtime,
        model_file=file,
        input=replace(shipped.input, dtype="float32", scale=1.0, offset=0.0),
        files={name: digest_of(folder / name) for name in (file, LABELS)},
        explain=None,  # a converter's file hides its feature map
    )
    write_manifest(folder, manifest)
    return load_bundle(folder)


@pytest.mark.filterwarnings("ignore")  # TensorFlow's own
@pytest.mark.parametrize("form", sorted(TOLERANCE))
def test_runtimes_agree_on_labels_and_nearly_on_scores(forms: dict[str, Bundle], form: str) -> None:
    reference = Classifier(forms["keras"], load_model(forms["keras"], threads=1))
    other = Classifier(forms[form], load_model(forms[form], threads=1))
    for picture in drawings().values():
        expected, actual = (classifier.classify(np.asarray(picture)) for classifier in (reference, other))
        assert actual.label == expected.label
        scores = {candidate.label: candidate.score for candidate in actual.candidates}
        for candidate in expected.candidates:
            assert scores[candidate.label] == pytest.approx(candidate.score, abs=TOLERANCE[form])


@pytest.mark.needs("tensorflow")
@pytest.mark.parametrize("runtime", ["litert", "keras", "saved_model"])
def test_runtimes_refuse_an_invalid_model_file(tmp_path: Path, runtime: str) -> None:
    def write(path: Path) -> None:
        if runtime == "saved_model":
            path.mkdir()
            (path / "saved_model.pb").write_bytes(b"no model")
        else:
            path.write_bytes(b"no model")

    bundle = made(tmp_path / "bad", runtime, {"keras": "model.keras"}.get(runtime, "model"), write)
    with pytest.raises(InvalidBundle):
        load_model(bundle, threads=1)


@pytest.mark.parametrize("form", ["keras", "int8"])
def test_runtimes_answer_the_first_request_after_a_fork(forms: dict[str, Bundle], form: str) -> None:
    """functions-framework forks after the import, and TensorFlow would hang if it were loaded there."""
    picture = io.BytesIO()
    drawings()["daisy"].save(picture, "JPEG", quality=92)
    with served(forms[form].folder) as url:
        request = urllib.request.Request(f"{url}/v1/classify?record=false", picture.getvalue())
        with urllib.request.urlopen(request, timeout=90) as response:
            answer = json.load(response)
    assert answer["label"] == "daisy"
    assert answer["model"]["runtime"] == forms[form].manifest.runtime


@contextmanager
def served(bundle: Path) -> Iterator[str]:
    """Run functions-framework's own server on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {"UPLOAD_BUCKET": "uploads", "ARCHIVE_BUCKET": "archive", "QUARANTINE_BUCKET": "quarantine"}
    nowhere = "http://127.0.0.1:9"
    settings |= {"GOOGLE_CLOUD_PROJECT": "p", "STORAGE_EMULATOR_HOST": nowhere, "BIGQUERY_EMULATOR_HOST": nowhere}
    source = ROOT / "functions" / "classify_request" / "main.py"
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "functions_framework", "--target=classify_request", f"--source={source}"),
            *("--host=127.0.0.1", f"--port={port}"),
        ],
        env=os.environ | settings | {"MODEL_BUNDLE": str(bundle), "PYTHONPATH": str(ROOT), "THREADS": "4"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url, give_up_at = f"http://127.0.0.1:{port}", time.monotonic() + 60
        while not alive(url):
            assert server.poll() is None
            assert time.monotonic() < give_up_at
            time.sleep(0.1)
        yield url
    finally:
        server.terminate()
        server.wait(20)


def alive(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/v2/health/live", timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False
