"""What the pipeline needs from the outside world, in its own words. The adapters provide it."""

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
    """A neural network that takes one prepared picture. ``run`` may be called from several threads at once."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(1, height, width, 3)."""

    @property
    def input_dtype(self) -> str:
        """``uint8`` or ``float32``."""

    @property
    def outputs(self) -> int:
        """How many numbers come back."""

    def run(self, batch: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Return the outputs of one picture, shape (outputs,), float32."""


@dataclass(frozen=True, slots=True)
class Activation:
    """What a model computed on the way to its outputs, where its last layers are an average and a linear layer."""

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
    """A model that may tell more than its outputs."""

    def activation(self, batch: npt.NDArray[Any]) -> Activation | None:
        """Return the outputs of one picture and the feature map behind them; None where the model hides it."""


class ObjectStore(Protocol):
    """Buckets. Every error is one of ``shared.errors``: gone is ``AlreadyDone``, unreachable is ``Transient``."""

    def read(self, ref: ObjectRef, max_bytes: int) -> bytes:
        """Return the bytes of exactly this generation.

        Raises:
            TooManyBytes: there are more than ``max_bytes``; what was read is dropped.
            WrongEncoding: its bytes are not what its Content-Encoding says, which is undone.
            Unreadable: it has a key of its owner's, or the like.
            AlreadyDone: this generation is gone; ``Superseded`` where a newer one took its place.
            StorageRefused: it may not be read, as things are.
            StorageUnavailable: no answer within the deadline, or the bytes arrived damaged.
        """

    def write_once(self, bucket: str, name: str, content: bytes, content_type: str) -> ObjectRef:
        """Create an object unless one of that name has the same bytes; returns the one that has them.

        Raises:
            NameTaken: an object of that name has other bytes; it is left as it is.
            StorageRefused: it may not be written, as things are; there is no object of that name.
            StorageUnavailable: no answer within the deadline.
        """

    def copy_once(self, ref: ObjectRef, bucket: str, name: str, model: str | None = None) -> ObjectRef:
        """Copy exactly this generation, unless an object of that name has its bytes; returns the one that has them.

        Args:
            ref: what to copy.
            bucket: where to.
            name: of the copy.
            model: that the copy is for; None leaves that as it is.

        Raises:
            AlreadyDone: this generation is gone.
            Unreadable: it has a key of its owner's, or the like.
            NameTaken, StorageRefused, StorageUnavailable: as above.
        """

    def delete(self, ref: ObjectRef) -> None:
        """Delete exactly this generation; one that is gone already is no error, a newer one stays.

        Raises:
            StorageRefused: it may not be deleted, for a hold, a retention policy or a permission that is missing.
            StorageUnavailable: no answer within the deadline.
        """

    def find(self, bucket: str, name: str) -> Upload:
        """Return the live generation of an object.

        Raises:
            AlreadyDone: there is none of that name.
            Unreadable: no object can have that name.
            StorageRefused: it may not be looked for.
        """

    def uploads(self, bucket: str, prefix: str = "", *, live_only: bool = False) -> Iterable[Upload]:
        """List every generation of every object below a prefix, or the live ones only, by name and generation."""


class Strip(Protocol):
    """Takes the metadata out of a picture's file, as ``images.metadata.strip.strip_metadata`` does."""

    def __call__(
        self, content: bytes, image: Image, limits: Limits, *, shrink_to_px: int | None, budget: MemoryBudget
    ) -> bytes:
        """Return the file without metadata, its pixels as they were.

        Raises:
            MetadataStays: its metadata cannot be told from its pixels.
        """


class QueryResult(Protocol):
    """What a query gave."""

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Each row by column."""


class Warehouse(Protocol):
    """Tables that rows are appended to, and that can be asked."""

    def append(self, outcome: Recorded | Correction) -> None:
        """Append the row of a prediction, a failure or a label.

        Raises:
            RowRefused: it will not be taken as it is.
            WarehouseUnavailable: the row was not taken, or nobody knows whether it was.
        """

    def query(self, sql: str, **parameters: Sequence[str]) -> QueryResult:
        """Run GoogleSQL; unqualified names are of our dataset, each parameter is a list as ``@name``.

        Raises:
            BadRequest: the query cannot be run as it is.
            WarehouseUnavailable: no answer within the deadline.
        """
