"""Run a command of an image: with a stage's folder as its root where the kernel permits it, else without.

The first is what an engine does: a mount namespace that shows only the stage, a Python and the system's own libraries,
read-only where that is set, as the image's user. The second only puts the folder before the image's paths.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.system.image.base import Base
from tests.system.image.dockerfile import User

SYSTEM = ("usr", "etc", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "dev", "proc")
"""Folders of this machine, seen in every stage; links among them stay links."""
WRITABLE = ("dev", "proc")
OUR_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"

ENTER = """
root=$1 writing=$2 memory=$3 user=$4 workdir=$5 places=$6 volumes=$7 alone=$8; shift 8
mount --bind "$root" "$root"
for place in $places; do
    mount --rbind "$place" "$root$place"
    case $place in /dev|/proc) ;; *) mount -o remount,bind,ro "$root$place" ;; esac
done
if [ "$memory" = yes ]; then mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"; fi
for volume in $volumes; do
    place=${volume#*:}; place=$root${place%%:*}
    mkdir -p "$place"
    mount --bind "${volume%%:*}" "$place"
    case $volume in *:ro) mount -o remount,bind,ro "$place" ;; esac
done
if [ "$writing" = no ]; then mount -o remount,bind,ro "$root"; fi
if [ "$alone" = yes ]; then ip link set lo up; fi
if [ -n "$user" ]; then set -- --userspec="$user" --groups= "$root" env --chdir="$workdir" "$@"
else set -- "$root" env --chdir="$workdir" "$@"; fi
exec chroot "$@"
"""


@dataclass(frozen=True)
class Confinement:
    """What this machine permits."""

    namespace: tuple[str, ...]
    """The command that enters a mount namespace; empty where none may be made."""
    changes_user: bool
    """Whether a command runs as the image's user, who owns nothing, or as the tests' user."""
    reason: str = ""
    """Why less is proved than possible; empty where all of it is."""

    def command(
        self,
        root: Path,
        words: Sequence[str],
        variables: Mapping[str, str],
        *,
        base: Base,
        workdir: str,
        user: User | None = None,
        read_only: bool = False,
        memory: bool = False,
        volumes: Sequence[str] = (),
        alone: bool = False,
    ) -> tuple[list[str], dict[str, str], str]:
        """Return what to start in place of a command: its words, its environment, its folder.

        Args:
            root: a stage's folder, prepared by ``prepare``.
            words: the program and its arguments, as in the image.
            variables: the image's environment, whole.
            base: the Python that the stage builds on.
            workdir: absolute, in the image.
            user: None for root, as while building.
            read_only: only /dev/shm can be written.
            memory: /tmp exists, in memory.
            volumes: folders of this machine and their paths in the image, as ``from:to`` or ``from:to:ro``; only with
                a namespace.
            alone: with a network of its own, which has no other end; only with a namespace.
        """
        if not self.namespace:
            outside = functools.partial(_outside, root, own_folders(root, base))
            environment = {name: outside(value) for name, value in variables.items()}
            return [outside(word) for word in words], environment, outside(workdir)
        owner = f"{user.uid}:{user.gid}" if user and self.changes_user else ""
        flags = ["no" if read_only else "yes", "yes" if memory else "no", owner, workdir, " ".join(_mounted(base))]
        flags += [" ".join(volumes), "yes" if alone else "no"]
        namespace = (*self.namespace, "--net") if alone else self.namespace
        assignments = [f"{name}={value}" for name, value in variables.items()]
        inside = ["--ignore-environment", *assignments, *words]
        return [*namespace, "sh", "-euc", ENTER, "sh", str(root), *flags, *inside], {"PATH": OUR_PATH}, "/"


@functools.cache
def confinement() -> Confinement:
    """Test what this machine permits."""
    if not sys.platform.startswith("linux") or not shutil.which("unshare", path=OUR_PATH):
        return Confinement(
            (), False, "this system has no mount namespaces; on Linux the image's root would be read-only"
        )
    is_root = os.geteuid() == 0
    for options, changes_user in ((["--mount"], is_root), (["--user", "--map-root-user", "--mount"], False)):
        probe = subprocess.run(
            ["unshare", *options, "mount", "--bind", "/usr", "/usr"],
            env={"PATH": OUR_PATH},
            capture_output=True,
            check=False,
        )
        if probe.returncode == 0:
            why = "" if changes_user else "only root may become the image's user; run the tests as root to see it"
            return Confinement(("unshare", *options), changes_user, why)
    return Confinement((), False, "mount namespaces are not permitted here; run the tests as root, or permit them")


def prepare(root: Path, base: Base) -> None:
    """Make the mount points of the system in a new stage's folder."""
    root.mkdir(parents=True)
    root.chmod(0o755)
    for name in SYSTEM:
        if Path("/", name).is_symlink():
            (root / name).symlink_to(Path("/", name).readlink())
    for path in (*_mounted(base), "/tmp"):
        (root / path.lstrip("/")).mkdir(parents=True, exist_ok=True)


def own_folders(root: Path, base: Base) -> list[str]:
    """Return the folders at a stage's root that its own steps made, such as ``/app``."""
    others = {*SYSTEM, "tmp", base.prefix.parts[1]}
    return sorted(f"/{path.name}" for path in root.iterdir() if path.name not in others)


def _mounted(base: Base) -> list[str]:
    system = [f"/{name}" for name in SYSTEM if Path("/", name).is_dir() and not Path("/", name).is_symlink()]
    return system if base.prefix.is_relative_to("/usr") else [*system, str(base.prefix)]


def _outside(root: Path, paths: Sequence[str], text: str) -> str:
    """Put a stage's folder before each path of the image in a text."""
    names = "|".join(re.escape(path.strip("/")) for path in paths)
    return re.sub(rf"(?<![\w./-])/(?=(?:{names})(?!\w))", f"{root}/", text) if names else text
