"""Errors of the emulators, independent of the product's errors."""

from __future__ import annotations

from collections.abc import Sequence


class EmulatorError(Exception):
    """The base class of every error that an emulator raises itself."""


class StartError(EmulatorError):
    """An emulator cannot start; the message names every reason.

    Args:
        what: the failure, such as ``The object store cannot start``.
        faults: one sentence each, without a full stop.
    """

    def __init__(self, what: str, faults: Sequence[str]) -> None:
        super().__init__(f"{what}: {'; '.join(faults)}")
        self.faults = tuple(faults)
