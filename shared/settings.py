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
    """Declare a setting: its variable, its parser, a sentence, and its default as it would be typed.

    A secret is shown nowhere, not even where it is malformed.
    """
    metadata = {"env": env, "parse": parse, "help": help, "default": default, "is_secret": is_secret}
    return field(metadata=metadata, repr=not is_secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a deployment decides. The table of docs/settings.md is made of this."""

    project: str = _setting("GOOGLE_CLOUD_PROJECT", text, "The project that holds the buckets and the dataset.")
    upload_bucket: str = _setting("UPLOAD_BUCKET", bucket, "Where people drop images.")
    archive_bucket: str = _setting("ARCHIVE_BUCKET", bucket, "Where pictures rest once they are classified.")
    quarantine_bucket: str = _setting("QUARANTINE_BUCKET", bucket, "Where files rest that cannot be classified.")
    dataset: str = _setting("BIGQUERY_DATASET", dataset, "The BigQuery dataset of the tables and views.", "bucketlens")
    readable_buckets: tuple[str, ...] = _setting(
        "READABLE_BUCKETS", buckets, "Buckets, with commas, that callers may name images of by `gs://` URI.", ""
    )
    model_bundle: tuple[BundleReference, ...] = _setting(
        "MODEL_BUNDLE",
        references_from,
        "The models, with commas, each as `PLACE`, `NAME=PLACE` or `NAME@canary=PLACE`: a bundle that ships here, a "
        "folder or `gs://BUCKET/FOLDER` ([several, and their versions](bundle.md)). The first is the default.",
        DEFAULT_BUNDLE,
    )
    model_load: bool = _setting(
        "MODEL_LOAD",
        yes_or_no,
        "Whether `POST /v2/repository/models/NAME/load` takes up a new version, by whoever may call.",
        "false",
    )
    page_history: bool = _setting(
        "PAGE_HISTORY",
        yes_or_no,
        "Whether the page shows what is in the warehouse, to whoever may call, and sends file names unasked; `up` sets "
        "it where only this machine can call, and the account must be allowed to read rows.",
        "false",
    )
    allowed_hosts: tuple[str, ...] = _setting(
        "ALLOWED_HOSTS",
        hosts,
        "Names, with commas, that requests may have in `Host`, each with or without a port; none: any "
        "([who can call](https.md#who-can-call-from-where)).",
        "",
    )
    callers: str = _setting(
        "CALLERS",
        caller_source,
        "Who checks callers before they get here: `iam` (Cloud Run), `iap` (Identity-Aware Proxy) or `none`; Terraform "
        "sets it.",
        "iam",
    )
    iap_audience: str = _setting(
        "IAP_AUDIENCE", text, "Where `CALLERS` is `iap`: the audience of IAP's assertions; Terraform sets it.", ""
    )
    label_keys: tuple[str, ...] = _setting(
        "LABEL_KEYS",
        secret_keys,
        "Secrets, with commas, that sign the `label_token` of answers; the first signs, all are accepted.",
        "",
        is_secret=True,
    )
    max_image_bytes: int = _setting("MAX_IMAGE_BYTES", positive, "Larger files are refused unread.", "20971520")
    max_image_pixels: int = _setting("MAX_IMAGE_PIXELS", positive, "Larger pictures are not decoded.", "50000000")
    max_images_per_request: int = _setting("MAX_IMAGES_PER_REQUEST", positive, "Images in one request.", "16")
    max_request_s: int = _setting(
        "MAX_REQUEST_S", positive, "A request's body must be here, and its last image begun, by then.", "60"
    )
    max_event_age_s: int = _setting(
        "MAX_EVENT_AGE_S", positive, "Older events are acknowledged and left to the sweep.", "3600"
    )
    max_images_per_minute: int = _setting(
        "MAX_IMAGES_PER_MINUTE",
        positive,
        "Images and labels that one instance takes at most: beyond that events are left to the sweep, callers get 429.",
        "30000",
    )
    backlog_age_s: int = _setting("BACKLOG_AGE_S", positive, "The sweep takes uploads that wait for longer.", "900")
    attempt_timeout_s: int = _setting(
        "ATTEMPT_TIMEOUT_S", positive, "After so long whoever began an upload in a sweep is finished or dead.", "300"
    )
    memory_mb: int = _setting(
        "MEMORY_MB", positive, "MiB that the instance has; half of it is for the pictures in flight.", "512"
    )
    threads: int = _setting(
        "THREADS",
        positive,
        "Requests, or uploads of a sweep, at once; as many more requests wait, others get 429.",
        "8",
    )
    model_threads: int = _setting("MODEL_THREADS", positive, "Inferences at once, an interpreter each.", "4")
    storage_deadline_s: int = _setting("STORAGE_DEADLINE_S", positive, "For one call, retries included.", "20")
    warehouse_deadline_s: int = _setting("WAREHOUSE_DEADLINE_S", positive, "For one row, retries included.", "20")
    strip_metadata: bool = _setting(
        "STRIP_METADATA",
        yes_or_no,
        "Whether pictures are archived without EXIF (GPS), XMP, IPTC and comments; their pixels stay as they are.",
        "false",
    )
    log_format: str = _setting(
        "LOG_FORMAT", log_format, "`json` for Cloud Logging, `text` for people; `auto` asks the terminal.", "auto"
    )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read every setting.

        Raises:
            Misconfigured: naming all that are missing or malformed, and what was expected, at once.
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
        """A request's whole body: one image of the largest size, or what Cloud Run lets through at most."""
        return max(CLOUD_RUN_REQUEST_BYTES, self.max_image_bytes)


@dataclass(frozen=True, slots=True)
class Platform:
    """What Cloud Run says about this process (https://cloud.google.com/run/docs/container-contract)."""

    service: str | None
    revision: str | None
    is_cloud: bool
    """Whether IAM stands before us, so that a caller's token was checked by the platform."""
    storage_endpoint: str | None
    """Of a local object store; None for Cloud Storage itself."""
    warehouse_endpoint: str | None
    """Of a local warehouse; None for BigQuery itself."""
    task_index: int
    task_count: int
    vertex_predict_route: str | None = None
    """Where Vertex AI posts instances to a custom container; None elsewhere."""
    vertex_health_route: str | None = None
    is_shadow: bool = False
    """Whether this is a release's challenger that looks on: shared/release."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Platform:
        """Read what the platform sets; everything has a value elsewhere too."""
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


def threads_of_server(environment: Mapping[str, str] = os.environ) -> int:
    """Return how many threads a server of ``THREADS`` has: for as many requests, as many that wait, and 8 for others.

    The server needs it before its app reads all settings. A malformed value counts as the default here, so that the app
    starts, and names it together with every other fault.
    """
    [setting] = (setting for setting in fields(Settings) if setting.name == "threads")
    try:
        at_once: int = _value_of(setting, environment)
    except ValueError:
        at_once = _value_of(setting, {})
    return 2 * at_once + 8  # who is over all that is sent away, and probes are answered


def own_models() -> Path:
    """Return where the user's own bundles lie."""
    return data_folder(os.environ) / "models"


def inherited_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a process that we start: our own, without our settings, and with those given."""
    ours = {setting.metadata["env"] for setting in fields(Settings)}
    return {name: value for name, value in os.environ.items() if name not in ours} | dict(settings)


def _value_of(setting: Field[Any], environment: Mapping[str, str]) -> Any:
    """Read one setting.

    Raises:
        ValueError: the fault, as a sentence.
    """
    env = setting.metadata["env"]
    given = environment.get(env) or setting.metadata["default"]
    if given is None:
        raise ValueError(f"{env} is not set ({setting.metadata['help']})")
    try:
        return setting.metadata["parse"](given)
    except ValueError as error:
        shown = "set" if setting.metadata["is_secret"] else repr(given)
        raise ValueError(f"{env} is {shown}, expected {error}") from error
