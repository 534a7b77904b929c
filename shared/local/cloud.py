"""What a local cloud is: its folder, its ports, and the environment that points the functions at it."""

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
MODELS_BUCKET = "bucketlens-models"

BEHIND_FRONT = {
    "classify_request": "classify_request_behind_front",
    "classify_upload": "classify_upload_behind_front",
}
"""By function: the name of the port of ``up``'s own revision while a front has the function's port."""

PREFERRED_PORTS = {
    "classify_request": 8080,
    "classify_upload": 8081,
    BEHIND_FRONT["classify_request"]: 8082,
    BEHIND_FRONT["classify_upload"]: 8083,
    "storage": 9023,
    "relay": 9025,
    "warehouse": 9050,
}
"""Where each part listens if nobody else does."""

EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - names, nothing listens here


@dataclass(frozen=True)
class Cloud:
    """A local cloud that was given its ports."""

    folder: Path
    ports: dict[str, int]
    pid: int
    """Of the process that watches the parts."""
    bundle: str
    """What the functions serve, as ``MODEL_BUNDLE`` has it, with whole paths."""
    children: dict[str, list[float]] = field(default_factory=dict)
    """By part: process id and its start time, which together name one process for good."""
    request_host: str = HOST
    """What ``classify_request`` binds to; the other parts bind to 127.0.0.1, always."""
    settings: dict[str, str] = field(default_factory=dict)
    """Of the functions, beside and before those that the cloud decides."""
    is_port_asked_for: bool = False
    """Whether ``classify_request`` listens at its port or nowhere."""
    started_at: str = ""
    """RFC 3339, UTC."""

    def url(self, part: str) -> str:
        """Return where a part answers on this machine."""
        host = self.request_host if part == "classify_request" and self.request_host not in EVERYWHERE else HOST
        return f"http://[{host}]:{self.ports[part]}" if ":" in host else f"http://{host}:{self.ports[part]}"

    @property
    def names(self) -> str:
        """By which names the functions may be called, with commas; empty for any, where all the world may call."""
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
        """Where a part's output goes."""
        return self.folder / "logs" / f"{part}.log"

    def save(self) -> None:
        """Write ``cloud.json``, from which other commands learn where the parts are."""
        state = {**asdict(self), "folder": str(self.folder)}
        temporary = self.folder / f"{CLOUD_FILE}.new"
        temporary.write_text(json.dumps(state, indent=2) + "\n", "utf-8")
        temporary.replace(self.folder / CLOUD_FILE)


def new_cloud(
    folder: Path, bundle: str, listen: tuple[str, int] | None = None, settings: Mapping[str, str] = MappingProxyType({})
) -> Cloud:
    """Choose a port for each part: the preferred one, or a free one where it is taken.

    Args:
        folder: for its data; made if it is missing.
        bundle: what the functions serve.
        listen: host and port of ``classify_request``, where no other will do.
        settings: of the functions, beside those that the cloud decides.
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
    """Return what ``cloud.json`` says, whether it still runs or not."""
    try:
        state: dict[str, Any] = json.loads((folder / CLOUD_FILE).read_text("utf-8"))
        return Cloud(**{**state, "folder": Path(state["folder"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def process_of(identity: list[float]) -> psutil.Process | None:
    """Return the very process that was started, or None if it has ended, even if its id is used again."""
    try:
        process = psutil.Process(int(identity[0]))
        is_same = abs(process.create_time() - identity[1]) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, IndexError):
        return None
    return process if is_same else None


def free_port(preferred: int, taken: set[int]) -> int:
    """Return the preferred port, or where somebody has it, or it is among those taken, another that is free."""
    for port in (preferred, 0, 0, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            found: int = probe.getsockname()[1]
        if found not in taken:
            return found
    raise OSError(f"No port is free on {HOST}.")


@contextmanager
def sole_use(folder: Path) -> Iterator[bool]:
    """Hold the folder's lock for the length of the block; False if somebody else does. It dies with its holder."""
    import fcntl  # Windows has none, and needs none to import this module

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
    except ImportError:  # Windows, where no local cloud can run
        return False
    try:
        with (folder / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False
