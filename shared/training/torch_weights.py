"""Read the arrays of a legacy (before 1.6) PyTorch checkpoint without PyTorch, and without running code in it.

The format is that of ``torch.serialization._legacy_load``: four pickles (a magic number, a protocol version, facts of
the machine, and the checkpoint, in which each array refers to a storage by key), then a pickled list of the storages'
keys, then for each storage its length as a little-endian int64 and its bytes.
"""

from __future__ import annotations

import collections
import math
import os
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from shared.errors import Misconfigured

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001

STORAGES: Mapping[str, np.dtype[Any]] = {
    "FloatStorage": np.dtype("<f4"),
    "DoubleStorage": np.dtype("<f8"),
    "HalfStorage": np.dtype("<f2"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
}

Arrays = Mapping[str, npt.NDArray[Any]]


def arrays_from(path: Path) -> Arrays:
    """Return the arrays of a checkpoint that is a flat mapping of names to tensors.

    Args:
        path: a ``.pth`` file in the legacy format.

    Returns:
        Name to array, C-contiguous copies, in the checkpoint's order and dtypes.

    Raises:
        Misconfigured: the file is not such a checkpoint, or its pickle requests anything except tensors.
    """
    try:
        with path.open("rb") as file:
            return _read(file)
    except (
        OSError,
        pickle.UnpicklingError,
        EOFError,
        AttributeError,
        ValueError,
        TypeError,
        LookupError,
        MemoryError,
        OverflowError,
    ) as error:
        raise Misconfigured(
            f"the weights {path.name}",
            [f"not a legacy PyTorch checkpoint of tensors ({error}); install the package they came in again"],
        ) from error


@dataclass(frozen=True, slots=True)
class _Storage:
    key: str
    dtype: np.dtype[Any]
    length: int


@dataclass(frozen=True, slots=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def as_array(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Cut this tensor out of its storage; offset and strides count elements, and must stay inside."""
        if math.prod(self.shape) > len(values):
            raise ValueError(f"a tensor of shape {self.shape} repeats the {len(values)} values of its storage")
        last = self.offset + sum((size - 1) * step for size, step in zip(self.shape, self.strides, strict=True))
        if 0 in self.shape:
            return np.empty(self.shape, values.dtype)
        if self.offset < 0 or min((*self.strides, *self.shape), default=0) < 0 or last >= len(values):
            raise ValueError(f"a tensor of shape {self.shape} reaches outside its storage of {len(values)} values")
        strides = [step * values.itemsize for step in self.strides]
        return np.lib.stride_tricks.as_strided(values[self.offset :], self.shape, strides, writeable=False).copy()


class _Unpickler(pickle.Unpickler):
    """An unpickler of ordered dictionaries and tensors; every other name is refused."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuilt
        if module == "torch" and name in STORAGES:
            return name
        raise pickle.UnpicklingError(f"it requests {module}.{name}, which is refused")

    def persistent_load(self, pid: Any) -> _Storage:
        kind, type_name, key, _location, length, view = pid
        if kind != "storage" or view is not None:
            raise pickle.UnpicklingError(f"it refers to a {kind!r}, only plain storages are read")
        return _Storage(str(key), STORAGES[type_name], int(length))


def _rebuilt(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> _Tensor:
    if not isinstance(storage, _Storage):
        raise pickle.UnpicklingError("it has a tensor without a storage")
    return _Tensor(storage, int(offset), tuple(map(int, shape)), tuple(map(int, strides)))


def _read(file: BinaryIO) -> Arrays:
    if (magic := _Unpickler(file).load()) != MAGIC:
        raise ValueError(f"it begins with {str(magic)[:40]}, not with the format's magic number")
    if (protocol := _Unpickler(file).load()) != PROTOCOL:
        raise ValueError(f"it has protocol {protocol}, expected {PROTOCOL}")
    _Unpickler(file).load()  # byte order and integer sizes of the machine that wrote it; the format fixes both
    tensors = _Unpickler(file).load()
    if not isinstance(tensors, dict) or not all(isinstance(tensor, _Tensor) for tensor in tensors.values()):
        raise ValueError("it is not a mapping of names to tensors")
    storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    values = {key: _storage_from(file, storages[key]) for key in _Unpickler(file).load()}
    return {name: tensor.as_array(values[tensor.storage.key]) for name, tensor in tensors.items()}


def _storage_from(file: BinaryIO, storage: _Storage) -> npt.NDArray[Any]:
    length = int.from_bytes(file.read(8), "little")
    if length != storage.length:
        raise ValueError(f"storage {storage.key} has {length} values, expected {storage.length}")
    size_bytes = length * storage.dtype.itemsize
    left_bytes = os.fstat(file.fileno()).st_size - file.tell()
    if size_bytes > left_bytes:
        raise EOFError(f"it ends inside storage {storage.key}")
    return np.frombuffer(file.read(size_bytes), storage.dtype)
