"""How small a place is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """What a process and its children may have together.

    Attributes:
        memory_mb: MiB.
        cpu: of one CPU.
    """

    memory_mb: int = 256
    cpu: float = 0.1

    @property
    def settings(self) -> dict[str, str]:
        """What docs/small-places.md says to set."""
        less = {"MAX_IMAGE_BYTES": str(8 << 20)} if self.memory_mb < 512 else {}
        return {"MEMORY_MB": str(self.memory_mb), **less}

    def __str__(self) -> str:
        return f"{self.memory_mb} MiB and {self.cpu:g} CPU"


SMALL = Size()
