"""The size of a small place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """The memory and CPU that a process and its children share.

    Attributes:
        memory_mb: MiB.
        cpu: share of one CPU.
    """

    memory_mb: int = 256
    cpu: float = 0.1

    @property
    def settings(self) -> dict[str, str]:
        """The settings that docs/small-places.md names."""
        less = {"MAX_IMAGE_BYTES": str(8 << 20)} if self.memory_mb < 512 else {}
        return {"MEMORY_MB": str(self.memory_mb), **less}

    def __str__(self) -> str:
        return f"{self.memory_mb} MiB and {self.cpu:g} CPU"


SMALL = Size()
