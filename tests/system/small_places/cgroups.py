"""Limit processes by the kernel: a control group below this process's own (cgroups(7)); version 1 or 2."""

from __future__ import annotations

import os
import subprocess
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.system.small_places.size import Size

PERIOD_US = 100_000
"""The period of container engines: a tenth of a CPU is 10 ms in each 100."""
ENTER = 'for group in $1; do echo $$ > "$group/cgroup.procs" || exit 71; done; shift; exec "$@"'
GONE_S = 10.0


class NoGroup(Exception):
    """The kernel permits no control group. The message gives the reason."""


@dataclass(frozen=True)
class Group:
    """A control group, or with version 1 one for each of the two controllers."""

    memory: Path
    cpu: Path
    version: int

    @property
    def how(self) -> str:
        """Describe the limiter."""
        return f"a control group of version {self.version}"

    def command(self, words: Sequence[str]) -> list[str]:
        """Return the command that starts a program in the group, from its first instruction."""
        return ["sh", "-c", ENTER, "sh", " ".join(map(str, self._folders)), *words]

    def limit(self, size: Size) -> None:
        """Set the limits; no swap is left."""
        memory, quota_us = size.memory_mb << 20, round(size.cpu * PERIOD_US)
        if self.version == 2:
            self._write(self.memory / "memory.max", memory)
            self._write(self.memory / "memory.swap.max", 0, may_lack=True)
            self._write(self.cpu / "cpu.max", f"{quota_us} {PERIOD_US}")
        else:
            self._write(self.memory / "memory.limit_in_bytes", memory)
            self._write(self.memory / "memory.memsw.limit_in_bytes", memory, may_lack=True)
            self._write(self.cpu / "cpu.cfs_period_us", PERIOD_US)
            self._write(self.cpu / "cpu.cfs_quota_us", quota_us)

    def watch(self, pid: int) -> None:
        """Do nothing: the kernel limits by itself."""

    def killed(self) -> int:
        """Return how many processes the kernel killed because memory ran out."""
        file = "memory.events" if self.version == 2 else "memory.oom_control"
        return self._counts(self.memory / file)["oom_kill"]

    def charged_mib(self) -> float | None:
        """Return the highest memory that was charged; None where the kernel does not record it."""
        file = self.memory / ("memory.peak" if self.version == 2 else "memory.max_usage_in_bytes")
        return int(file.read_text()) / 2**20 if file.exists() else None

    def make(self) -> None:
        """Make the folders, which makes the group."""
        for folder in self._folders:
            folder.mkdir()

    def remove(self) -> None:
        """Remove the folders; processes that have just ended may take a moment to leave."""
        give_up_at = time.monotonic() + GONE_S
        for folder in self._folders:
            while folder.exists():
                try:
                    folder.rmdir()
                except OSError:
                    if time.monotonic() > give_up_at:
                        raise
                    time.sleep(0.05)

    @property
    def _folders(self) -> list[Path]:
        return sorted({self.memory, self.cpu})

    @staticmethod
    def _write(file: Path, value: object, *, may_lack: bool = False) -> None:
        if file.exists() or not may_lack:
            file.write_text(str(value))

    @staticmethod
    def _counts(file: Path) -> dict[str, int]:
        return {name: int(count) for name, count in (line.split() for line in file.read_text().splitlines())}


@contextmanager
def group_of(size: Size) -> Iterator[Group]:
    """Make a group with these limits for the length of the block; its processes must have ended by then.

    Raises:
        NoGroup: this machine permits none.
    """
    group = _planned(uuid.uuid4().hex[:8])
    try:
        group.make()
        group.limit(size)
        subprocess.run(group.command(["true"]), check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        group.remove()
        raise NoGroup(f"a control group cannot be used here ({error})") from error
    try:
        yield group
    finally:
        group.remove()


def _planned(mark: str) -> Group:
    """Return a group that does not exist yet."""
    name, own = f"bucketlens-{mark}", _own_groups()
    if "memory" in own and "cpu" in own:
        return Group(own["memory"] / name, own["cpu"] / name, version=1)
    for above in [own[""], *own[""].parents] if "" in own else []:
        shared = above / "cgroup.subtree_control"
        if not shared.exists():
            break
        if {"memory", "cpu"} <= set(shared.read_text().split()) and os.access(above, os.W_OK):
            return Group(above / name, above / name, version=2)
    raise NoGroup("no writable control group has both memory and cpu")


def _own_groups() -> dict[str, Path]:
    """Return the folder of this process's group, by controller; version 2 has one for all, under no name."""
    mounts = _mounts()
    folders = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines() if mounts else []:
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            if controller in mounts:
                point, root = mounts[controller]
                folders[controller] = Path(os.path.normpath(point / os.path.relpath(path, root)))
    return folders


def _mounts() -> dict[str, tuple[Path, str]]:
    """Return where each controller's hierarchy is mounted, and which part of it (proc(5), mountinfo)."""
    mounts = {}
    info = Path("/proc/self/mountinfo")
    for line in info.read_text().splitlines() if info.exists() else []:
        before, _, after = line.partition(" - ")
        root, point = before.split()[3:5]
        kind, _, options = after.split(maxsplit=2)
        for controller in options.split(",") if kind == "cgroup" else [""] if kind == "cgroup2" else []:
            mounts[controller] = (Path(point), root)
    return mounts
