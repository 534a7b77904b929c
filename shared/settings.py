"""Settings: the only reader of the environment. They are read once and validated together."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from shared.data_folder import data_folder
from shared.errors import Misconfigured
from shared.places import Place, places_from
from shared.setting_rules import caller_source, faults_between, hosts, secret_keys

MODELS = Path(__file__).parent / "models"
BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
DEFAULT_BUNDLE = "flowers_v1"
CLOUD_RUN_REQUEST_BYTES = 32 * 1024 * 1024
"""https://cloud.google.com/run/quotas: the largest HTTP/1 request."""

DATASET_NAME = re.compile(r"[A-Za-z0-9_]{1,1024}")


def _text(value: str) -> str:
    return value


def _bucket(value: str) -> str:
    if not BUCKET_NAME.fullmatch(value):
        raise ValueError("a bucket name: 3 to 222 of a-z, 0-9, dot, dash, underscore")
    return value


def _buckets(value: str) -> tuple[str, ...]:
    return tuple(_bucket(name.strip()) for name in value.split(",") if name.strip())


def _dataset(value: str) -> str:
    if not DATASET_NAME.fullmatch(value):
        raise ValueError("a dataset name: letters, digits and underscores")
    return value


def _positive(value: str) -> int:
    number = int(value) if value.isascii() and value.isdigit() else 0
    if number < 1:
        raise ValueError("a whole number above 0")
    return number


def _log_format(value: str) -> str:
    if value not in ("auto", "json", "text"):
        raise ValueError("auto, json or text")
    return value


def _yes_or_no(value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise ValueError("true or false")
    return value.lower() == "true"


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

    project: str = _setting("GOOGLE_CLOUD_PROJECT", _text, "The project that holds the buckets and the dataset.")
    upload_bucket: str = _setting("UPLOAD_BUCKET", _bucket, "Where people drop images.")
    archive_bucket: str = _setting("ARCHIVE_BUCKET", _bucket, "Where pictures rest once they are classified.")
    quarantine_bucket: str = _setting("QUARANTINE_BUCKET", _bucket, "Where files rest that cannot be classified.")
    dataset: str = _setting("BIGQUERY_DATASET", _dataset, "The BigQuery dataset of the tables and views.", "bucketlens")
    readable_buckets: tuple[str, ...] = _setting(
        "READABLE_BUCKETS", _buckets, "Buckets, with commas, that callers may name images of by `gs://` URI.", ""
    )
    model_bundle: tuple[Place, ...] = _setting(
        "MODEL_BUNDLE",
        places_from,
        "The models, with commas, each as `PLACE`, `NAME=PLACE` or `NAME@canary=PLACE`: a bundle that ships here, a "
        "folder or `gs://BUCKET/FOLDER` ([several, and their versions](bundle.md)). The first is the default.",
        DEFAULT_BUNDLE,
    )
    model_load: bool = _setting(
        "MODEL_LOAD",
        _yes_or_no,
        "Whether `POST /v2/repository/models/NAME/load` takes up a new version, by whoever may call.",
        "false",
    )
    page_history: bool = _setting(
        "PAGE_HISTORY",
        _yes_or_no,
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
        "IAP_AUDIENCE", _text, "Where `CALLERS` is `iap`: the audience of IAP's assertions; Terraform sets it.", ""
    )
    label_keys: tuple[str, ...] = _setting(
        "LABEL_KEYS",
        secret_keys,
        "Secrets, with commas, that sign the `label_token` of answers; the first signs, all are accepted.",
        "",
        is_secret=True,
    )
    max_image_bytes: int = _setting("MAX_IMAGE_BYTES", _positive, "Larger files are refused unread.", "20971520")
    max_image_pixels: int = _setting("MAX_IMAGE_PIXELS", _positive, "Larger pictures are not decoded.", "50000000")
    max_images_per_request: int = _setting("MAX_IMAGES_PER_REQUEST", _positive, "Images in one request.", "16")
    max_request_s: int = _setting(
        "MAX_REQUEST_S", _positive, "A request's body must be here, and its last image begun, by then.", "60"
    )
    max_event_age_s: int = _setting(
        "MAX_EVENT_AGE_S", _positive, "Older events are acknowledged and left to the sweep.", "3600"
    )
    max_images_per_minute: int = _setting(
        "MAX_IMAGES_PER_MINUTE",
        _positive,
        "Images and labels that one instance takes at most: beyond that events are left to the sweep, callers get 429.",
        "30000",
    )
    backlog_age_s: int = _setting("BACKLOG_AGE_S", _positive, "The sweep takes uploads that wait for longer.", "900")
    attempt_timeout_s: int = _setting(
        "ATTEMPT_TIMEOUT_S", _positive, "After so long whoever began an upload in a sweep is finished or dead.", "300"
    )
    memory_mb: int = _setting(
        "MEMORY_MB", _positive, "MiB that the instance has; half of it is for the pictures in flight.", "512"
    )
    threads: int = _setting(
        "THREADS",
        _positive,
        "Requests, or uploads of a sweep, at once; as many more requests wait, others get 429.",
        "8",
    )
    model_threads: int = _setting("MODEL_THREADS", _positive, "Inferences at once, an interpreter each.", "4")
    storage_deadline_s: int = _setting("STORAGE_DEADLINE_S", _positive, "For one call, retries included.", "20")
    warehouse_deadline_s: int = _setting("WAREHOUSE_DEADLINE_S", _positive, "For one row, retries included.", "20")
    strip_metadata: bool = _setting(
        "STRIP_METADATA",
        _yes_or_no,
        "Whether pictures are archived without EXIF (GPS), XMP, IPTC and comments; their pixels stay as they are.",
        "false",
    )
    log_format: str = _setting(
        "LOG_FORMAT", _log_format, "`json` for Cloud Logging, `text` for people; `auto` asks the terminal.", "auto"
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
            env, default = setting.metadata["env"], setting.metadata["default"]
            given = environment.get(env) or default
            if given is None:
                faults.append(f"{env} is not set ({setting.metadata['help']})")
                continue
            try:
                values[setting.name] = setting.metadata["parse"](given)
            except ValueError as error:
                shown = "set" if setting.metadata["is_secret"] else repr(given)
                faults.append(f"{env} is {shown}, expected {error}")
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


def own_models() -> Path:
    """Return where the user's own bundles lie."""
    return data_folder(os.environ) / "models"


def bundle_folder(name: str) -> Path:
    """Return where a bundle lies: by its name, one that ships here or is the user's own, else a folder as given."""
    named = (place / name for place in (MODELS, own_models()) if "/" not in name)
    return next((folder for folder in named if folder.is_dir()), Path(name))


def inherited_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a process that we start: our own, without our settings, and with those given."""
    ours = {setting.metadata["env"] for setting in fields(Settings)}
    return {name: value for name, value in os.environ.items() if name not in ours} | dict(settings)
