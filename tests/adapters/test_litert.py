"""A LiteRT model in many threads: interpreters are pooled, and a file that is not a model is refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from shared.adapters.runtimes.litert import LiteRTModel
from shared.bundles.bundle import load_bundle
from shared.bundles.folders import MODELS
from shared.errors import InvalidBundle


@pytest.fixture(scope="module")
def path() -> Path:
    return load_bundle(MODELS / "flowers_v1").model_path


def random_pictures(model: LiteRTModel, count: int) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.integers(0, 256, model.input_shape, np.uint8) for _ in range(count)]


def test_model_reports_its_input_and_number_of_outputs(path: Path) -> None:
    model = LiteRTModel(path)

    assert model.input_shape[0] == 1
    assert model.input_shape[3] == 3
    assert model.input_dtype == "uint8"
    assert model.outputs == 5


def test_outputs_are_one_row_of_float32(path: Path) -> None:
    model = LiteRTModel(path)

    outputs = model.run(random_pictures(model, 1)[0])

    assert outputs.shape == (5,)
    assert outputs.dtype == np.float32


@pytest.mark.parametrize("threads", [1, 3, 8])
def test_model_gives_eight_threads_the_same_outputs_as_one(path: Path, threads: int) -> None:
    model = LiteRTModel(path, threads)
    pictures = random_pictures(model, 24)
    alone = [model.run(picture) for picture in pictures]

    with ThreadPoolExecutor(8) as callers:
        together = list(callers.map(model.run, pictures))

    assert all(np.array_equal(first, second) for first, second in zip(alone, together, strict=True))


def test_outputs_are_a_copy_that_later_calls_do_not_change(path: Path) -> None:
    model = LiteRTModel(path)
    first, second = random_pictures(model, 2)
    outputs = model.run(first)
    before = outputs.copy()

    model.run(second)

    assert np.array_equal(outputs, before)


def test_wrong_batch_does_not_cost_an_interpreter(path: Path) -> None:
    model = LiteRTModel(path, threads=1)
    with pytest.raises(ValueError, match="Cannot set tensor"):
        model.run(np.zeros((1, 5, 5, 3), np.uint8))

    assert model.run(random_pictures(model, 1)[0]).shape == (5,)


@pytest.mark.parametrize("content", [b"", b"TFL3 but not really", b"\0" * 4096])
def test_file_that_is_not_a_model_is_refused_with_a_sentence(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "model.tflite"
    file.write_bytes(content)

    with pytest.raises(InvalidBundle, match=r"model\.tflite.*not a \.tflite file"):
        LiteRTModel(file)


def test_truncated_model_is_refused(path: Path, tmp_path: Path) -> None:
    file = tmp_path / "model.tflite"
    file.write_bytes(path.read_bytes()[:100_000])

    with pytest.raises(InvalidBundle):
        LiteRTModel(file)


def test_missing_model_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidBundle):
        LiteRTModel(tmp_path / "nothing.tflite")
