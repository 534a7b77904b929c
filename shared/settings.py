"""Settings: the only reader of the environment. They are read once and validated together."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from shared.bundles.data_folder import data_folder
from shared.bundles.references import BundleReference, references_from
from shared.errors import Misconfigured
from shared.parsing.setting_faults import faults_between
from shared.parsing.setting_values import (
    bucket,
    buckets,
    caller_source,
    dataset,
    hosts,
    log_format,
    optional_bucket,
    positive,
    secret_keys,
    text,
    yes_or_no,
)

DEFAULT_BUNDLE = "flowers_v1"
CLOUD_RUN_REQUEST_BYTES = 32 * 1024 * 1024
"""https://cloud.google.com/run/quotas: the largest HTTP/1 request."""


def _setting(
    env: str, parse: Callable[[str], Any], help: str, default: str | None = None, *, is_secret: bool = False
) -> Any:
    """Declare a setting, its default as it would be typed; a secret is never shown, not even if it is malformed."""
    metadata = {"env": env, "parse": parse, "help": help, "default": default, "is_secret": is_secret}
    return field(metadata=metadata, repr=not is_secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of a deployment. The table of docs/settings.md is generated from this class."""

    project: str = _setting("GOOGLE_CLOUD_PROJECT", text, "The project that holds the buckets and the dataset.")
    upload_bucket: str = _setting("UPLOAD_BUCKET", bucket, "The bucket where people upload images.")
    archive_bucket: str = _setting("ARCHIVE_BUCKET", bucket, "The bucket with the pictures that were classified.")
    report_bucket: str = _setting("REPORT_BUCKET", optional_bucket, "The bucket of weekly reports, if any.", "")
    quarantine_bucket: str = _setting("QUARANTINE_BUCKET", bucket, "The bucket of files that could not be classified.")
    dataset: str = _setting("BIGQUERY_DATASET", dataset, "The BigQuery dataset of the tables and views.", "bucketlens")
    readable_buckets: tuple[str, ...] = _setting(
        "READABLE_BUCKETS", buckets, "Buckets, separated by commas, whose images callers may name by `gs://` URI.", ""
    )
    model_bundle: tuple[BundleReference, ...] = _setting(
        "MODEL_BUNDLE",
        references_from,
        "The models to serve, separated by commas, each as `PLACE`, `NAME=PLACE` or `NAME@canary=PLACE`. A `PLACE` is "
        "a shipped bundle, a folder or `gs://BUCKET/FOLDER` ([several models and versions](bundle.md)). The first "
        "model is the default.",
        DEFAULT_BUNDLE,
    )
    model_load: bool = _setting(
        "MODEL_LOAD",
        yes_or_no,
        "Whether any caller may load a new version by `POST /v2/repository/models/NAME/load`.",
        "false",
    )
    page_history: bool = _setting(
        "PAGE_HISTORY",
        yes_or_no,
        "Whether the page shows every caller the rows of the warehouse and sends file names by default. `up` sets it "
        "where only this machine can call. The service's account must be allowed to read rows.",
        "false",
    )
    allowed_hosts: tuple[str, ...] = _setting(
        "ALLOWED_HOSTS",
        hosts,
        "The names, separated by commas, that requests may have in `Host`, each with or without a port; if empty, any "
        "([who can call](https.md#who-can-call-from-where)).",
        "",
    )
    callers: str = _setting(
        "CALLERS",
        caller_source,
        "What checks callers in front of the service: `iam` (Cloud Run), `iap` (Identity-Aware Proxy) or `none`. "
        "Terraform sets it.",
        "iam",
    )
    iap_audience: str = _setting(
        "IAP_AUDIENCE", text, "The audience of IAP's assertions if `CALLERS` is `iap`. Terraform sets it.", ""
    )
    label_keys: tuple[str, ...] = _setting(
        "LABEL_KEYS",
        secret_keys,
        "Secrets, separated by commas, for the `label_token` of answers: the first signs, all verify.",
        "",
        is_secret=True,
    )
    max_image_bytes: int = _setting("MAX_IMAGE_BYTES", positive, "Bytes; larger files are refused unread.", "20971520")
    max_image_pixels: int = _setting("MAX_IMAGE_PIXELS", positive, "Pixels; larger images are not decoded.", "50000000")
    max_images_per_request: int = _setting("MAX_IMAGES_PER_REQUEST", positive, "The most images in one request.", "16")
    max_request_s: int = _setting(
        "MAX_REQUEST_S", positive, "Seconds for a request's body to arrive and its last image to be started.", "60"
    )
    max_event_age_s: int = _setting(
        "MAX_EVENT_AGE_S", positive, "Seconds; older events are acknowledged and left to the sweep.", "3600"
    )
    max_images_per_minute: int = _setting(
        "MAX_IMAGES_PER_MINUTE",
        positive,
        "The most images and labels that one instance takes in a minute. Beyond it, events are left to the sweep and "
        "callers get 429.",
        "30000",
    )
    backlog_age_s: int = _setting(
        "BACKLOG_AGE_S", positive, "A sweep processes uploads that are older than this, in seconds.", "900"
    )
    attempt_timeout_s: int = _setting(
        "ATTEMPT_TIMEOUT_S",
        positive,
        "Seconds after which a sweep's attempt at an upload counts as ended, finished or not.",
        "300",
    )
    memory_mb: int = _setting(
        "MEMORY_MB", positive, "The instance's memory, in MiB; half of it is for the pictures in flight.", "512"
    )
    threads: int = _setting(
        "THREADS",
        positive,
        "Requests, or uploads of a sweep, that run in parallel. As many requests again may queue; others get 429.",
        "8",
    )
    model_threads: int = _setting(
        "MODEL_THREADS", positive, "Inferences that run in parallel, each with its own interpreter.", "4"
    )
    storage_deadline_s: int = _setting(
        "STORAGE_DEADLINE_S", positive, "Seconds for one call to Cloud Storage, retries included.", "20"
    )
    warehouse_deadline_s: int = _setting(
        "WAREHOUSE_DEADLINE_S", positive, "Seconds to write one row to BigQuery, retries included.", "20"
    )
    strip_metadata: bool = _setting(
        "STRIP_METADATA",
        yes_or_no,
        "Whether pictures are archived without EXIF (GPS), XMP, IPTC and comments; the pixels do not change.",
        "false",
    )
    store_embedding: bool = _setting("STORE_EMBEDDING", yes_or_no, "Whether rows hold `signals.embedding`.", "true")
    log_format: str = _setting(
        "LOG_FORMAT",
        log_format,
        "`json` for Cloud Logging, `text` for people, `auto` for text on a terminal and else JSON.",
        "auto",
    )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read every setting.

        Raises:
            Misconfigured: naming every missing or malformed setting, and what was expected.
        """
        faults: list[str] = []
        values: dict[str, Any] = {}
        for setting in fields(cls):
            try:
                values[setting.name] = _value_of(setting, environment)
            except ValueError as error:
                faults.append(str(error))
        faults += faults_between(values)
        if faults:
            raise Misconfigured("the environment", faults)
        return cls(**values)

    @property
    def max_request_bytes(self) -> int:
        """The largest body of a request: one image of the largest size, or Cloud Run's limit if that is more."""
        return max(CLOUD_RUN_REQUEST_BYTES, self.max_image_bytes)


@dataclass(frozen=True, slots=True)
class Platform:
    """The facts that Cloud Run sets for this process (https://cloud.google.com/run/docs/container-contract)."""

    service: str | None
    revision: str | None
    is_cloud: bool
    """Whether the process runs behind IAM, so that the platform has checked the caller's token."""
    storage_endpoint: str | None
    """URL of a local object store; None for Cloud Storage."""
    warehouse_endpoint: str | None
    """URL of a local warehouse; None for BigQuery."""
    task_index: int
    task_count: int
    vertex_predict_route: str | None = None
    """The route to which Vertex AI posts instances of a custom container; None elsewhere."""
    vertex_health_route: str | None = None
    is_shadow: bool = False
    """Whether this process is the challenger of a shadow release: shared/release."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Platform:
        """Read what the platform sets; on other platforms every field has a default."""
        return cls(
            service=environment.get("K_SERVICE") or environment.get("CLOUD_RUN_JOB"),
            revision=environment.get("K_REVISION") or environment.get("CLOUD_RUN_EXECUTION"),
            is_cloud=bool(environment.get("K_SERVICE")) and not environment.get("BIGQUERY_EMULATOR_HOST"),
            storage_endpoint=environment.get("STORAGE_EMULATOR_HOST") or None,
            warehouse_endpoint=environment.get("BIGQUERY_EMULATOR_HOST") or None,
            task_index=int(environment.get("CLOUD_RUN_TASK_INDEX") or 0),
            task_count=int(environment.get("CLOUD_RUN_TASK_COUNT") or 1),
            vertex_predict_route=environment.get("AIP_PREDICT_ROUTE") or None,
            vertex_health_route=environment.get("AIP_HEALTH_ROUTE") or None,
            is_shadow=environment.get("SHADOW") == "true",
        )


def server_threads(environment: Mapping[str, str] = os.environ) -> int:
    """Return the number of a server's threads: ``THREADS`` that run requests, as many that queue, and 8 more.

    The server needs it before its app reads all settings. A malformed value counts as the default here, so that the app
    starts and reports it together with every other fault.
    """
    [setting] = (setting for setting in fields(Settings) if setting.name == "threads")
    try:
        parallel_requests: int = _value_of(setting, environment)
    except ValueError:
        parallel_requests = _value_of(setting, {})
    return 2 * parallel_requests + 8  # the 8 answer probes, and send 429 to requests beyond the queue


def own_models() -> Path:
    """Return the folder of the user's own bundles."""
    return data_folder(os.environ) / "models"


def monitor_variables() -> dict[str, str]:
    """Return the variables that ``shared.monitoring.threshold_settings`` reads."""
    return {name: value for name, value in os.environ.items() if name.startswith("MONITOR_")}


def inherited_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a child process: ours, with these settings instead of our own."""
    setting_names = {setting.metadata["env"] for setting in fields(Settings)}
    return {name: value for name, value in os.environ.items() if name not in setting_names} | dict(settings)


def _value_of(setting: Field[Any], environment: Mapping[str, str]) -> Any:
    """Read one setting; a ``ValueError`` has the fault as a sentence."""
    env = setting.metadata["env"]
    value = environment.get(env) or setting.metadata["default"]
    if value is None:
        raise ValueError(f"{env} is not set ({setting.metadata['help']})")
    try:
        return setting.metadata["parse"](value)
    except ValueError as error:
        shown = "set" if setting.metadata["is_secret"] else repr(value)
        raise ValueError(f"{env} is {shown}, expected {error}") from error
