"""The parts of a local cloud: the command, environment and readiness URL of each process."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from shared.local.cloud import ARCHIVE_BUCKET, BEHIND_FRONT, DATASET, HOST, PROJECT, UPLOAD_BUCKET, Cloud
from shared.local.releases.ledger import path_of
from shared.settings import inherited_environment

ROOT = Path(__file__).parents[2]
FUNCTIONS = ("classify_upload", "classify_request")


@dataclass(frozen=True)
class Part:
    """One process of a local cloud."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str]
    ready_url: str
    """The URL that answers 200 once the part is ready."""
    port: int | None = None
    """TCP port on which it listens; it inherits the socket if the supervisor holds one for the port."""
    socket_options: tuple[str, ...] = ("--socket", "{}")
    """Command line options that pass the socket; ``{}`` stands for the file descriptor."""

    def on_socket(self, descriptor: int) -> tuple[str, ...]:
        """Return the part's command with an inherited socket to listen on."""
        return (*self.command, *(option.format(descriptor) for option in self.socket_options))


def parts_of(cloud: Cloud, duplicates: float = 0.0) -> list[Part]:
    """List the parts in the order in which to stop them: callers before the services that they call.

    Args:
        cloud: its ports and its data folder.
        duplicates: the share of events, 0 to 1, that the relay delivers twice.
    """
    functions = (own_function(cloud, name) for name in FUNCTIONS)
    return [*functions, _relay(cloud, duplicates), _storage(cloud), _warehouse(cloud)]


def sweep_command(cloud: Cloud, age_s: int) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the command and the environment of one sweep over uploads that have waited for ``age_s`` seconds."""
    command = (sys.executable, str(ROOT / "functions" / "classify_backlog" / "main.py"))
    return command, part_environment(sweep_settings(cloud, age_s))


def sweep_settings(cloud: Cloud, age_s: int) -> dict[str, str]:
    """Return the settings of a sweep over uploads that have waited for ``age_s`` seconds."""
    job = {"BACKLOG_AGE_S": str(age_s), "CLOUD_RUN_JOB": "classify-backlog", "CLOUD_RUN_EXECUTION": "local"}
    return {**cloud.environment, **job}


def shadow_command(cloud: Cloud, bundle: str, run: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the command and the environment of a shadow run: a bundle classifies the archived images."""
    command = (sys.executable, str(ROOT / "functions" / "classify_backlog" / "main.py"))
    arguments = ("--bucket", ARCHIVE_BUCKET, "--keep")
    settings = {**sweep_settings(cloud, 1), "MODEL_BUNDLE": bundle, "SHADOW": "true", "CLOUD_RUN_EXECUTION": run}
    return (*command, *arguments), part_environment(settings)


def function_part(cloud: Cloud, function: str, name: str, *, revision: str, bundle: str, port: int) -> Part:
    """Return the process of one revision of a function."""
    host = cloud.request_host if port == cloud.ports["classify_request"] else HOST
    environment = {
        **cloud.environment,
        "MODEL_BUNDLE": bundle,
        "FUNCTION_TARGET": function,
        "HOST": host,
        "PORT": str(port),
        "K_SERVICE": function.replace("_", "-"),
        "K_REVISION": revision,
        "LOG_FORMAT": "json",  # commands find outcomes by their fields, and show the lines as text
    }
    command = (sys.executable, "-m", "gunicorn", "--config", str(ROOT / "functions" / "gunicorn.conf.py"))
    url = cloud.url("classify_request") if port == cloud.ports["classify_request"] else f"http://{HOST}:{port}"
    ready_url = f"{url}/v2/health/ready"
    return Part(name, command, part_environment(environment), ready_url, port, ("--bind", "fd://{}"))


def part_environment(settings: dict[str, str]) -> dict[str, str]:
    """Return the environment of a part: the inherited variables and its settings."""
    return inherited_environment({"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **settings})


def own_function(cloud: Cloud, name: str) -> Part:
    """Return the function's revision that `up` starts, on the port behind the front after a first release."""
    is_behind = path_of(cloud.folder).exists()
    revision = f"{name.replace('_', '-')}-local"
    port = cloud.ports[BEHIND_FRONT[name] if is_behind else name]
    return function_part(cloud, name, name, revision=revision, bundle=cloud.bundle, port=port)


def _relay(cloud: Cloud, duplicates: float) -> Part:
    command = (
        *(sys.executable, "-m", "shared.emulators.eventarc", "--port", str(cloud.ports["relay"])),
        *("--queue", str(cloud.folder / "relay.sqlite"), "--target", f"{cloud.url('classify_upload')}/"),
        *("--duplicates", str(duplicates)),
    )
    return _part(cloud, "relay", command, "status")


def _storage(cloud: Cloud) -> Part:
    command = (
        *(sys.executable, "-m", "shared.emulators.storage", "--port", str(cloud.ports["storage"])),
        *("--data", str(cloud.folder / "objects"), "--old-data", str(cloud.folder / "buckets")),
        *("--announce", UPLOAD_BUCKET, "--relay", cloud.url("relay")),
    )
    return _part(cloud, "storage", command, "_bucketlens/status")


def _warehouse(cloud: Cloud) -> Part:
    command = (
        *(sys.executable, "-m", "shared.emulators.bigquery", "--port", str(cloud.ports["warehouse"])),
        *("--data", str(cloud.folder / "warehouse")),
        *("--project", PROJECT, "--dataset", DATASET, "--schemas", str(ROOT / "infra" / "bigquery")),
    )
    return _part(cloud, "warehouse", command, "status")


def _part(cloud: Cloud, name: str, command: tuple[str, ...], ready_path: str) -> Part:
    return Part(name, command, part_environment({}), f"{cloud.url(name)}/{ready_path}", cloud.ports[name])
