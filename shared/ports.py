"""What the pipeline needs from the outside world, in its own words. The adapters provide it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from shared.decode import Limits
from shared.memory import MemoryBudget
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
            AlreadyDone: this generation is gone; ``Superseded`` where a newer one took its place.
            StorageUnavailable: no answer within the deadline.
        """

    def write_once(self, bucket: str, name: str, content: bytes, content_type: str) -> ObjectRef | None:
        """Create an object if there is none of that name; None if there is one, which is left as it is.

        None can also mean that this very call made it: the answer was lost, and the client asked again.
        """

    def copy_once(self, ref: ObjectRef, bucket: str, name: str) -> ObjectRef | None:
        """Copy exactly this generation, if there is no object of that name yet; None, as above, if there is one.

        Raises:
            AlreadyDone: this generation is gone.
        """

    def delete(self, ref: ObjectRef) -> None:
        """Delete exactly this generation; one that is gone already is no error, a newer one stays."""

    def find(self, bucket: str, name: str) -> Upload:
        """Return the live generation of an object.

        Raises:
            AlreadyDone: there is none of that name.
        """

    def uploads(self, bucket: str, prefix: str = "") -> Iterable[Upload]:
        """List every generation of every object below a prefix, by name and generation."""


class Strip(Protocol):
    """Takes the metadata out of a picture's file, as ``stripping.picture.without_metadata`` does."""

    def __call__(
        self, content: bytes, image: Image, limits: Limits, *, shrink_to_px: int | None, budget: MemoryBudget
    ) -> bytes:
        """Return the file without metadata, its pixels as they were.

        Raises:
            MetadataStays: its metadata cannot be told from its pixels.
        """


class Answer(Protocol):
    """What a query gave."""

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Each row by column."""


class Warehouse(Protocol):
    """Tables that rows are appended to, and that can be asked."""

    def append(self, outcome: Recorded | Correction) -> None:
        """Append the row of a prediction, a failure or a label.

        Raises:
            WarehouseUnavailable: the row was not taken, or nobody knows whether it was.
        """

    def query(self, sql: str, **parameters: Sequence[str]) -> Answer:
        """Run GoogleSQL; unqualified names are of our dataset, each parameter is a list as ``@name``.

        Raises:
            BadRequest: the query cannot be run as it is.
            WarehouseUnavailable: no answer within the deadline.
        """
