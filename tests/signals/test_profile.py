"""``profile.npz``: what is written is read, and an invalid one, or another model's, is refused with a sentence."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared.errors import InvalidBundle
from shared.signals.profile import MAX_BYTES, Familiar, Reference, read_familiar, read_reference, write_profile

MODEL = "a" * 64


def familiar() -> Familiar:
    return Familiar(np.eye(8, 3, dtype=np.float32), 0.25)


def reference(count: int = 5) -> Reference:
    random = np.random.default_rng(0)
    numbers = {name: random.random(count, np.float32) for name in ("score", "entropy", "novelty")}
    return Reference(
        embedding=random.random((count, 3), np.float32),
        statistics=random.random((count, 6), np.float32),
        label=np.arange(count, dtype=np.int32),
        predicted=np.arange(count, dtype=np.int32),
        **numbers,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "profile.npz"
    write_profile(made, MODEL, familiar(), reference())
    return made


def test_profile_is_read_as_it_was_written(path: Path) -> None:
    serving, pictures = read_familiar(path, MODEL), read_reference(path)
    assert np.array_equal(serving.directions, familiar().directions)
    assert serving.unfamiliar_above == 0.25
    assert len(pictures) == 5
    for field in fields(Reference):
        assert np.array_equal(getattr(pictures, field.name), getattr(reference(), field.name)), field.name


def test_profile_of_the_same_content_has_the_same_bytes(path: Path, tmp_path: Path) -> None:
    write_profile(tmp_path / "again.npz", MODEL, familiar(), reference())
    assert (tmp_path / "again.npz").read_bytes() == path.read_bytes()


def test_profile_of_another_model_is_refused(path: Path) -> None:
    with pytest.raises(InvalidBundle, match=r"made with another model \(sha256 aaaaaaaaaaaa…, this one has bbbbbbbbbb"):
        read_familiar(path, "b" * 64)


def rewritten(path: Path, **arrays: Any) -> None:
    with np.load(path) as file:
        before = {name: file[name] for name in file.files}
    np.savez(path, **{name: value for name, value in {**before, **arrays}.items() if value is not None})


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b"not a zip file"),
        lambda path: path.write_bytes(path.read_bytes()[:300]),
        lambda path: path.unlink(),
        lambda path: rewritten(path, directions=None),
        lambda path: rewritten(path, directions=np.eye(3, 8, dtype=np.float32)),
        lambda path: rewritten(path, directions=np.full((8, 3), np.nan, np.float32)),
        lambda path: rewritten(path, directions=np.eye(8, 3)),
        lambda path: rewritten(path, unfamiliar_above=np.array(float("nan"))),
        lambda path: rewritten(path, unfamiliar_above=np.array([0.5])),
        lambda path: rewritten(path, model_sha256=np.array(7)),
        lambda path: rewritten(path, directions=np.array([{"a": 1}], object)),
    ],
    ids=["junk", "cut", "missing", "lacking", "wide", "nan", "float64", "no number", "a list", "no digest", "pickled"],
)
def test_profile_that_is_invalid_is_refused_with_a_sentence(path: Path, spoil: Callable[[Path], object]) -> None:
    spoil(path)
    with pytest.raises(
        InvalidBundle, match=r"^the profile profile\.npz: .*make it again with `bucketlens bundle profile`"
    ):
        read_familiar(path, MODEL)


def test_profile_that_would_unpack_to_too_much_is_not_unpacked(path: Path) -> None:
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.npy", bytes(MAX_BYTES + 1))
    with pytest.raises(InvalidBundle, match="expected at most"):
        read_familiar(path, MODEL)


def test_reference_whose_arrays_differ_in_length_is_refused(path: Path) -> None:
    rewritten(path, reference_score=np.zeros(4, np.float32))
    with pytest.raises(InvalidBundle, match="different lengths"):
        read_reference(path)
