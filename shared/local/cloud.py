"""A local cloud: its folder, its ports, and the environment that points the functions at it."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import psutil

from shared.bundles.data_folder import CLOUD_FILE

HOST = "127.0.0.1"
PROJECT = "local"
DATASET = "bucketlens"
UPLOAD_BUCKET = "bucketlens-uploads"
ARCHIVE_BUCKET = "bucketlens-archive"
QUARANTINE_BUCKET = "bucketlens-quarantine"
REPORT_BUCKET = "bucketlens-reports"
MODELS_BUCKET = "bucketlens-models"

BEHIND_FRONT = {
    "classify_request": "classify_request_behind_front",
    "classify_upload": "classify_upload_behind_front",
}
"""By function: the port's name of ``up``'s own revision while a front listens on the function's port."""

PREFERRED_PORTS = {
    "classify_request": 8080,
    "classify_upload": 8081,
    BEHIND_FRONT["classify_request"]: 8082,
    BEHIND_FRONT["classify_upload"]: 8083,
    "storage": 9023,
    "relay": 9025,
    "warehouse": 9050,
}
"""The port on which each part listens if it is free."""

EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - names, nothing listens here


@dataclass(frozen=True)
class Cloud:
    """A local cloud whose ports are chosen."""

    folder: Path
    ports: dict[str, int]
    pid: int
    """Id of the process that watches the parts."""
    bundle: str
    """The bundles that the functions serve: a value of ``MODEL_BUNDLE`` with absolute paths."""
    children: dict[str, list[float]] = field(default_factory=dict)
    """By part: process id and start time, which together identify a process even if its id is used again."""
    request_host: str = HOST
    """The address that ``classify_request`` binds to; the other parts always bind to 127.0.0.1."""
    settings: dict[str, str] = field(default_factory=dict)
    """Further settings of the functions; they override those that the cloud decides."""
    is_port_asked_for: bool = False
    """Whether the user chose the port of ``classify_request``, so that no other port may replace it."""
    started_at: str = ""
    """RFC 3339, UTC."""

    def url(self, part: str) -> str:
        """Return the URL of a part on this machine."""
        host = self.request_host if part == "classify_request" and self.request_host not in EVERYWHERE else HOST
        return f"http://[{host}]:{self.ports[part]}" if ":" in host else f"http://{host}:{self.ports[part]}"

    @property
    def names(self) -> str:
        """Host names by which the functions may be called, with commas; empty for any on a public address."""
        if self.request_host in EVERYWHERE:
            return ""
        own = f"[{self.request_host}]" if ":" in self.request_host else self.request_host
        return ",".join(dict.fromkeys((HOST, "localhost", "[::1]", own)))

    @property
    def environment(self) -> dict[str, str]:
        """The settings that a function needs to run against this cloud."""
        return {
            "GOOGLE_CLOUD_PROJECT": PROJECT,
            "UPLOAD_BUCKET": UPLOAD_BUCKET,
            "ARCHIVE_BUCKET": ARCHIVE_BUCKET,
            "QUARANTINE_BUCKET": QUARANTINE_BUCKET,
            "REPORT_BUCKET": REPORT_BUCKET,
            "READABLE_BUCKETS": f"{UPLOAD_BUCKET},{ARCHIVE_BUCKET}",
            "BIGQUERY_DATASET": DATASET,
            "MODEL_BUNDLE": self.bundle,
            "MODEL_LOAD": "true" if self.request_host == HOST else "false",
            "PAGE_HISTORY": "true" if self.request_host == HOST else "false",
            "ALLOWED_HOSTS": self.names,
            "STORAGE_EMULATOR_HOST": self.url("storage"),
            "BIGQUERY_EMULATOR_HOST": self.url("warehouse"),
            **self.settings,
        }

    def log_file(self, part: str) -> Path:
        """Return the file of a part's output."""
        return self.folder / "logs" / f"{part}.log"

    def save(self) -> None:
        """Write ``cloud.json``, in which other commands find the parts."""
        state = {**asdict(self), "folder": str(self.folder)}
        temporary = self.folder / f"{CLOUD_FILE}.new"
        temporary.write_text(json.dumps(state, indent=2) + "\n", "utf-8")
        temporary.replace(self.folder / CLOUD_FILE)


def new_cloud(
    folder: Path, bundle: str, listen: tuple[str, int] | None = None, settings: Mapping[str, str] = MappingProxyType({})
) -> Cloud:
    """Choose a port for each part: the preferred port, or a free one if it is taken.

    Args:
        folder: folder for the cloud's data; created if it is missing.
        bundle: the bundles that the functions serve, a value of ``MODEL_BUNDLE``.
        listen: host and port of ``classify_request``, if the user chose them.
        settings: further settings of the functions; they override those that the cloud decides.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "logs").mkdir(exist_ok=True)
    host, port = listen or (HOST, None)
    ports = {"classify_request": port} if port else {}
    for part, preferred in PREFERRED_PORTS.items():
        ports.setdefault(part, free_port(preferred, {*ports.values()}))
    return Cloud(
        folder.resolve(),
        ports,
        os.getpid(),
        bundle,
        request_host=host,
        settings=dict(settings),
        is_port_asked_for=port is not None,
        started_at=datetime.now(UTC).isoformat(),
    )


def running_cloud(folder: Path) -> Cloud | None:
    """Return the cloud that runs in a folder, or None."""
    cloud = saved_cloud(folder)
    return cloud if cloud and _is_locked(folder) else None


def saved_cloud(folder: Path) -> Cloud | None:
    """Return the cloud that ``cloud.json`` describes, whether it runs or not; None if the file is not readable."""
    try:
        state: dict[str, Any] = json.loads((folder / CLOUD_FILE).read_text("utf-8"))
        return Cloud(**{**state, "folder": Path(state["folder"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def process_of(identity: list[float]) -> psutil.Process | None:
    """Return the process with this id and start time, or None if it has ended.

    Args:
        identity: process id and start time in seconds, as in ``Cloud.children``.
    """
    try:
        process = psutil.Process(int(identity[0]))
        is_same = abs(process.create_time() - identity[1]) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, IndexError):
        return None
    return process if is_same else None


def free_port(preferred: int, taken: set[int]) -> int:
    """Return the preferred port, or another free port if it is in use or among ``taken``."""
    for port in (preferred, 0, 0, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            port_in_use: int = probe.getsockname()[1]
        if port_in_use not in taken:
            return port_in_use
    raise OSError(f"No port is free on {HOST}.")


@contextmanager
def folder_lock(folder: Path) -> Iterator[bool]:
    """Hold the folder's lock during the block; yield False if another process holds it.

    The system releases the lock when its holder ends.
    """
    import fcntl  # not available on Windows, which must still be able to import this module

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def _is_locked(folder: Path) -> bool:
    try:
        import fcntl
    except ImportError:  # on Windows, where no local cloud runs
        return False
    try:
        with (folder / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False
