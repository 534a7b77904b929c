"""Define the errors of the emulators, which know nothing of the product's."""

from __future__ import annotations

from collections.abc import Sequence


class EmulatorError(Exception):
    """The root of every error that an emulator raises by itself."""


class StartError(EmulatorError):
    """An emulator cannot start; names every reason at once.

    Args:
        what: cannot be done, such as ``The object store cannot start``.
        faults: one sentence each, without a full stop.
    """

    def __init__(self, what: str, faults: Sequence[str]) -> None:
        super().__init__(f"{what}: {'; '.join(faults)}")
        self.faults = tuple(faults)
