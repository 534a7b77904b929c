"""The ports: interfaces of everything that the pipeline needs from outside. The adapters implement them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from shared.images.decode import Limits
from shared.images.memory_budget import MemoryBudget
from shared.types import Correction, Image, ObjectRef, Recorded, Upload


class Model(Protocol):
    """A neural network that takes one prepared picture. Several threads may call ``run`` at the same time."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of the input: (1, height, width, 3)."""

    @property
    def input_dtype(self) -> str:
        """Dtype of the input: ``uint8`` or ``float32``."""

    @property
    def outputs(self) -> int:
        """Number of outputs."""

    def run(self, batch: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Return the outputs of one picture, shape (outputs,), float32."""


@dataclass(frozen=True, slots=True)
class Activation:
    """The outputs and the last feature map of a model that ends with an average and a linear layer."""

    outputs: npt.NDArray[np.float32]
    """As ``Model.run`` returns them."""
    features: npt.NDArray[np.float32]
    """The last feature map, shape (rows, columns, channels)."""
    class_weights: npt.NDArray[np.float32]
    """The linear layer's weights, shape (outputs, channels)."""


@dataclass(frozen=True, slots=True)
class Features:
    """A model's outputs, and what its last layer made them of."""

    outputs: npt.NDArray[np.float32]
    """As ``Model.run`` returns them."""
    pooled: npt.NDArray[np.float32]
    """The mean of the last feature map over its cells, shape (channels,)."""


@runtime_checkable
class FeatureModel(Protocol):
    """A model that may return what its last layer made the outputs of."""

    def features(self, batch: npt.NDArray[Any]) -> Features | None:
        """Return the outputs of one picture and its features; None where the model hides its feature map."""


@runtime_checkable
class ActivationModel(Protocol):
    """A model that may also return its last feature map."""

    def activation(self, batch: npt.NDArray[Any]) -> Activation | None:
        """Return the outputs of one picture and their feature map; None if the model does not expose it."""


class ObjectStore(Protocol):
    """Buckets of objects. Errors: ``AlreadyDone`` if an object is gone, ``Transient`` if the store does not answer."""

    def read(self, ref: ObjectRef, max_bytes: int) -> bytes:
        """Return the bytes of exactly this generation, decompressed as its Content-Encoding declares.

        Raises:
            TooManyBytes: there are more than ``max_bytes``; the bytes read so far are dropped.
            WrongEncoding: the bytes cannot be decompressed as the Content-Encoding declares.
            Unreadable: the store does not serve the bytes, as with a customer-supplied encryption key.
            AlreadyDone: this generation is gone; ``Superseded`` if a newer one replaced it.
            StorageRefused: the store refuses the read until a person changes something.
            StorageUnavailable: no answer within the deadline, or the bytes arrived damaged.
        """

    def write_once(self, bucket: str, name: str, content: bytes, content_type: str) -> ObjectRef:
        """Create an object, or find the one of that name if it has the same bytes; return it.

        Raises:
            NameTaken: an object of that name has other bytes; it is not changed.
            StorageRefused: the store refuses the write, and there is no object of that name.
            StorageUnavailable: no answer within the deadline.
        """

    def copy_once(self, ref: ObjectRef, bucket: str, name: str, model: str | None = None) -> ObjectRef:
        """Copy exactly this generation, or find the object of that name if it has the same bytes; return it.

        Args:
            ref: the generation to copy.
            bucket: the bucket of the copy.
            name: the name of the copy.
            model: the model in the copy's metadata; None keeps that of the original.

        Raises:
            AlreadyDone: this generation is gone.
            Unreadable: the store does not serve the bytes, as with a customer-supplied encryption key.
            NameTaken, StorageRefused, StorageUnavailable: as in ``write_once``.
        """

    def delete(self, ref: ObjectRef) -> None:
        """Delete exactly this generation; a newer one stays. It is not an error if this one is already gone.

        Raises:
            StorageRefused: a hold, a retention policy or a missing permission forbids it.
            StorageUnavailable: no answer within the deadline.
        """

    def find(self, bucket: str, name: str) -> Upload:
        """Return the live generation of an object.

        Raises:
            AlreadyDone: there is no object of that name.
            Unreadable: no object can have that name.
            StorageRefused: the store refuses the query.
        """

    def uploads(self, bucket: str, prefix: str = "", *, live_only: bool = False) -> Iterable[Upload]:
        """List the objects whose names start with a prefix, ordered by name and generation.

        Every generation is listed, or with ``live_only`` only the live ones.
        """


class Strip(Protocol):
    """A function that removes the metadata from a picture's file: ``images.metadata.strip.strip_metadata``."""

    def __call__(
        self, content: bytes, image: Image, limits: Limits, *, shrink_to_px: int | None, budget: MemoryBudget
    ) -> bytes:
        """Return the file without metadata, with the same pixels.

        Raises:
            MetadataStays: its metadata cannot be separated from its pixels.
        """


class QueryResult(Protocol):
    """The result of a query."""

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows; each is a dict by column."""


class Warehouse(Protocol):
    """Tables that take rows and answer queries."""

    def append(self, outcome: Recorded | Correction) -> None:
        """Append the row of a prediction, a failure or a label.

        Raises:
            RowRefused: the warehouse refuses the row until its table or the row changes.
            WarehouseUnavailable: the row was not written, or it is not known whether it was.
        """

    def query(self, sql: str, **parameters: Sequence[str]) -> QueryResult:
        """Run GoogleSQL; table names without a dataset are in our dataset; each parameter is a list, ``@name``.

        Raises:
            BadRequest: the query is invalid.
            WarehouseUnavailable: no answer within the deadline.
        """
