"""The parts of a local cloud: what each is started with, and how to tell that it is ready."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from shared.local.cloud import ARCHIVE_BUCKET, DATASET, HOST, PROJECT, UPLOAD_BUCKET, Cloud
from shared.local.object_store import object_store_command, set_unfinished_aside
from shared.settings import inherited_environment

ROOT = Path(__file__).parents[2]
FUNCTIONS = ("classify_upload", "classify_request")


@dataclass(frozen=True)
class Part:
    """One process."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str]
    ready_url: str
    """Answers 200 once the part can be used."""
    tidy: Callable[[], object] = lambda: None
    """Called before each start, while the part is down."""


def parts_of(cloud: Cloud, duplicates: float = 0.0) -> list[Part]:
    """List the parts in the order in which they may be stopped: those that call before those that are called.

    Args:
        cloud: where they listen and keep their data.
        duplicates: the share of events, 0 to 1, that the relay delivers twice.
    """
    functions = (_function(cloud, name) for name in FUNCTIONS)
    return [*functions, _relay(cloud, duplicates), *_storage(cloud), _warehouse(cloud)]


def sweep_command(cloud: Cloud, age_s: int) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the command and the environment of one sweep over uploads that have waited for ``age_s`` seconds."""
    command = (sys.executable, str(ROOT / "functions" / "classify_backlog" / "main.py"))
    return command, part_environment(sweep_settings(cloud, age_s))


def sweep_settings(cloud: Cloud, age_s: int) -> dict[str, str]:
    """Return what a sweep over uploads that have waited for ``age_s`` seconds finds in its environment."""
    job = {"BACKLOG_AGE_S": str(age_s), "CLOUD_RUN_JOB": "classify-backlog", "CLOUD_RUN_EXECUTION": "local"}
    return {**cloud.environment, **job}


def shadow_command(cloud: Cloud, bundle: str, run: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the command and the environment of a run that classifies what is archived as a bundle's shadow."""
    command = (sys.executable, str(ROOT / "functions" / "classify_backlog" / "main.py"))
    arguments = ("--bucket", ARCHIVE_BUCKET, "--keep")
    settings = {**sweep_settings(cloud, 1), "MODEL_BUNDLE": bundle, "SHADOW": "true", "CLOUD_RUN_EXECUTION": run}
    return (*command, *arguments), part_environment(settings)


def function_part(cloud: Cloud, function: str, name: str, *, revision: str, bundle: str, port: int) -> Part:
    """Return one revision of a function, as a process of its own."""
    environment = {
        **cloud.environment,
        "MODEL_BUNDLE": bundle,
        "FUNCTION_TARGET": function,
        "HOST": cloud.request_host if port == cloud.ports["classify_request"] else HOST,
        "PORT": str(port),
        "K_SERVICE": function.replace("_", "-"),
        "K_REVISION": revision,
        "LOG_FORMAT": "text",
    }
    command = (sys.executable, "-m", "gunicorn", "--config", str(ROOT / "functions" / "gunicorn.conf.py"))
    return Part(name, command, part_environment(environment), f"http://{HOST}:{port}/v2/health/ready")


def part_environment(settings: dict[str, str]) -> dict[str, str]:
    """Return the environment of a process that we start."""
    return inherited_environment({"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **settings})


def _function(cloud: Cloud, name: str) -> Part:
    revision = f"{name.replace('_', '-')}-local"
    return function_part(cloud, name, name, revision=revision, bundle=cloud.bundle, port=cloud.ports[name])


def _relay(cloud: Cloud, duplicates: float) -> Part:
    command = (
        *(sys.executable, "-m", "shared.local.relay"),
        *("--port", str(cloud.ports["relay"]), "--grpc-port", str(cloud.ports["relay_grpc"])),
        *("--queue", str(cloud.folder / "relay.sqlite"), "--target", f"{cloud.url('classify_upload')}/"),
        *("--releases", str(cloud.folder / "releases.json"), "--service", "classify-upload"),
        *("--duplicates", str(duplicates)),
    )
    return Part("relay", command, part_environment({}), f"{cloud.url('relay')}/status")


def _storage(cloud: Cloud) -> tuple[Part, Part]:
    buckets = cloud.folder / "buckets"
    command, environment = object_store_command(
        port=cloud.ports["object_store"],
        folder=buckets,
        public_url=cloud.url("storage"),
        event_bucket=UPLOAD_BUCKET,
        relay=f"{HOST}:{cloud.ports['relay_grpc']}",
    )
    store = Part(
        "object_store",
        tuple(command),
        part_environment(environment),
        ready_url=f"{cloud.url('object_store')}/storage/v1/b?project={PROJECT}",
        tidy=lambda: set_unfinished_aside(buckets),
    )
    proxy_command = (
        *(sys.executable, "-m", "shared.local.storage_proxy"),
        *("--port", str(cloud.ports["storage"]), "--upstream", cloud.url("object_store")),
    )
    return Part("storage", proxy_command, part_environment({}), f"{cloud.url('storage')}/_bucketlens/status"), store


def _warehouse(cloud: Cloud) -> Part:
    command = (
        *(sys.executable, "-m", "shared.local.warehouse"),
        *("--port", str(cloud.ports["warehouse"]), "--data", str(cloud.folder / "warehouse")),
        *("--project", PROJECT, "--dataset", DATASET, "--schemas", str(ROOT / "infra" / "bigquery")),
    )
    return Part("warehouse", command, part_environment({}), f"{cloud.url('warehouse')}/status")
