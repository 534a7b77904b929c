"""A month's bill, item by item, for a number of images: the tables of docs/cost.md that cost.py lacks.

Every item names the kinds of resources that it is paid for; tests/operations/test_cost.py compares them with what
Terraform plans.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shared.operations.cost import COPY, GIB, MEMORY_GIB, PRICES, STORAGE, VCPUS, Measured, Price, bill

MONTH_S = 2_628_000
MONTHS_IMAGES = (10_000, 1_000_000, 100_000_000)
NOT_READ = "not read here: as remembered; look before you rely on it"
"""In place of a date, where the list could not be read."""

SWEEPS, SWEEP_S, SWEEP_GIB = 4 * 24 * 30, 60, 1.0
"""Runs of the job in a month of 30 days, the least that each is billed for, and its memory, as main.tf has it."""

KEPT_DAYS = 7
"""Of soft delete (``keep_days.deleted``): an upload is deleted after its row, and kept for that long."""

JUDGEMENTS, WINDOW_DAYS = 4 * 30, 7
"""Runs of the monitor in a month, billed as sweeps are, and the days of rows that each reads, as main.tf has it."""

CONDITIONS, CHECKS = 15, 3 * 12 * 24 * 30
"""Alert conditions, and the check's questions from three places every five minutes."""

POINTS_A_MINUTE = 6 * 3 * 80 + 15 * 8
"""Bytes of log metrics while something happens: six distributions of three series, fifteen counters."""

IMAGES_KEPT, IMAGE_GB, BUILDS, BUILD_MIN = 10, 0.53, 20, 25
"""Images that the registry keeps, and GB of all three targets together; builds a month, with a pipeline."""

FURTHER = {
    "job_vcpu_s": Price(0.000018, "vCPU second of a job", "cloud.google.com/run/pricing, tier 1, instance-based", COPY),
    "job_gib_s": Price(
        0.000002, "GiB second of a job", "cloud.google.com/run/pricing, tier 1, instance-based", NOT_READ
    ),
    "idle_s": Price(0.0000025, "vCPU or GiB second of an idle warm instance", "cloud.google.com/run/pricing", NOT_READ),
    "gib_rows_month": Price(0.02, "GiB of rows kept for a month", "cloud.google.com/bigquery/pricing", NOT_READ),
    "tib_query": Price(6.25, "TiB read by queries", "cloud.google.com/bigquery/pricing", NOT_READ),
    "condition": Price(0.10, "alert condition and month", "cloud.google.com/stackdriver/pricing", NOT_READ),
    "check": Price(0.30 / 1e3, "question of an uptime check", "cloud.google.com/stackdriver/pricing", NOT_READ),
    "mib_metric": Price(0.258, "MiB of log metrics", "cloud.google.com/stackdriver/pricing", NOT_READ),
    "gb_image": Price(0.10, "GB of images and month", "cloud.google.com/artifact-registry/pricing", COPY),
    "schedule": Price(0.10, "schedule and month", "cloud.google.com/scheduler/pricing", NOT_READ),
    "build_min": Price(0.016, "minute of a build on E2_HIGHCPU_8", "cloud.google.com/build/pricing", NOT_READ),
    "rule_h": Price(0.025, "hour of the load balancer's rules", "cloud.google.com/vpc/network-pricing", NOT_READ),
    "gib_balanced": Price(0.008, "GiB through the load balancer", "cloud.google.com/vpc/network-pricing", NOT_READ),
    "armor": Price(7.00, "security policy with two rules and month", "cloud.google.com/armor/pricing", NOT_READ),
    "key": Price(0.06, "key version and month", "cloud.google.com/kms/pricing", NOT_READ),
    "key_use": Price(0.03 / 1e4, "use of a key", "cloud.google.com/kms/pricing", NOT_READ),
    "secret": Price(0.06, "secret version and month", "cloud.google.com/secret-manager/pricing", NOT_READ),
}


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the bill."""

    name: str
    usd: Callable[[int, Measured], float]
    """US dollars a month for so many images uploaded in it."""
    prices: tuple[str, ...]
    resources: tuple[str, ...]
    """Kinds of resources that it is paid for, without ``google_``."""
    option: str | None = None
    """The variable without which there is none of it."""


def _usd(name: str) -> float:
    return (PRICES | FURTHER)[name].usd


def _alone(part: str) -> Callable[[int, Measured], float]:
    return lambda images, measured: float(getattr(bill(images, measured, alone=False), part))


def _gib(images: int, measured: Measured) -> float:
    return images * measured.image_bytes / GIB


def _fixed(usd: float) -> Callable[[int, Measured], float]:
    return lambda *_: usd


_SWEEP = SWEEPS * SWEEP_S * (VCPUS * _usd("job_vcpu_s") + SWEEP_GIB * _usd("job_gib_s"))
_WARM = MONTH_S * (VCPUS + MEMORY_GIB) * _usd("idle_s")


def _monitor(images: int, _: Measured) -> float:
    """Return what the job costs and its queries at most, if each run reads every column of its days."""
    return JUDGEMENTS * (_SWEEP / SWEEPS + images * WINDOW_DAYS / 30 * 1024 / (1 << 40) * _usd("tib_query"))


ITEMS = (
    Item("CPU, memory, requests", _alone("compute"), ("vcpu_s", "gib_s", "request"), ("cloud_run_v2_service",)),
    Item("storage: writing and reading", _alone("storage"), ("write", "read"), ("storage_bucket",)),
    Item("storage: the month's archive", _alone("archive_month"), ("gib_month",), ("storage_bucket",)),
    Item(
        f"storage: deleted uploads, kept {KEPT_DAYS} days",
        lambda images, measured: _gib(images, measured) * _usd("gib_month") * KEPT_DAYS / 30,
        ("gib_month",),
        ("storage_bucket",),
    ),
    Item(
        "rows, events and log written",
        _alone("rest"),
        ("gib_row", "gib_message", "gib_log"),
        ("bigquery_table", "eventarc_trigger"),
    ),
    Item(
        "rows: the month's, kept",
        lambda images, _: images * 1024 / GIB * _usd("gib_rows_month"),
        ("gib_rows_month",),
        ("bigquery_dataset", "bigquery_table"),
    ),
    Item(f"the sweep, {SWEEPS:,} runs", _fixed(_SWEEP), ("job_vcpu_s", "job_gib_s"), ("cloud_run_v2_job",)),
    Item("its listings", _fixed(SWEEPS * 2 * _usd("write")), ("write",), ("cloud_run_v2_job",)),
    Item(f"the monitor, {JUDGEMENTS} runs", _monitor, ("job_vcpu_s", "job_gib_s", "tib_query"), ("cloud_run_v2_job",)),
    Item("their schedules", _fixed(2 * _usd("schedule")), ("schedule",), ("cloud_scheduler_job",)),
    Item("alert conditions", _fixed(CONDITIONS * _usd("condition")), ("condition",), ("monitoring_alert_policy",)),
    Item("the check from outside", _fixed(CHECKS * _usd("check")), ("check",), ("monitoring_uptime_check_config",)),
    Item(
        "log metrics, at most",
        lambda images, _: min(images, 43_200) * POINTS_A_MINUTE / (1 << 20) * _usd("mib_metric"),
        ("mib_metric",),
        ("logging_metric",),
    ),
    Item(
        "images in the registry",
        _fixed(IMAGES_KEPT * IMAGE_GB * _usd("gb_image")),
        ("gb_image",),
        ("artifact_registry_repository",),
    ),
    Item("a warm instance", _fixed(_WARM), ("idle_s",), ("cloud_run_v2_service",), "min_instances = 1"),
    Item(
        f"{BUILDS} builds",
        _fixed(BUILDS * BUILD_MIN * _usd("build_min")),
        ("build_min",),
        ("cloudbuild_trigger",),
        "pipeline",
    ),
    Item(
        "a load balancer",
        lambda images, measured: 730 * _usd("rule_h") + _gib(images, measured) * _usd("gib_balanced"),
        ("rule_h", "gib_balanced"),
        ("compute_global_forwarding_rule",),
        "domain",
    ),
    Item(
        "a limit for each address",
        _fixed(_usd("armor")),
        ("armor",),
        ("compute_security_policy",),
        "domain.calls_per_minute",
    ),
    Item(
        "your own key",
        lambda images, _: _usd("key") + 4 * images * _usd("key_use"),
        ("key", "key_use"),
        ("kms_crypto_key_iam_member",),
        "kms_key",
    ),
    Item(
        "secrets",
        _fixed(2 * _usd("secret")),
        ("secret",),
        ("secret_manager_secret_iam_member",),
        "pipeline.webhook",
    ),
)

FREE = {
    "bigquery_connection": "what it reads is in the operations of storage",
    "bigquery_routine": "its calls are images over HTTPS, and cost what those cost",
    "billing_budget": "no charge",
    "binary_authorization_policy": "no charge on Cloud Run, as remembered",
    "cloudbuildv2_repository": "no charge",
    "compute_backend_service": "in the load balancer's rules",
    "compute_global_address": "in use, in the load balancer's rules",
    "compute_managed_ssl_certificate": "no charge",
    "compute_region_network_endpoint_group": "no charge",
    "compute_ssl_policy": "no charge",
    "compute_target_http_proxy": "in the load balancer's rules",
    "compute_target_https_proxy": "in the load balancer's rules",
    "compute_url_map": "in the load balancer's rules",
    "dns_record_set": "the zone is yours already",
    "monitoring_dashboard": "no charge",
    "monitoring_notification_channel": "no charge",
    "project_iam_custom_role": "no charge",
    "project_service": "no charge",
    "project_service_identity": "no charge",
    "pubsub_topic": "a message for each release and each month",
    "service_account": "no charge",
}
"""Kinds of resources that are on no line of the bill, and why; grants are free."""

CLASSES = {
    "NEARLINE": (Price(0.10 / 1e4, "step to Nearline", STORAGE, "2026-02"), 0.010, 0.01, 0.01 / 1e4),
    "COLDLINE": (Price(0.10 / 1e4, "step to Coldline", STORAGE, "2026-02"), 0.004, 0.02, 0.10 / 1e4),
    "ARCHIVE": (Price(0.50 / 1e4, "step to Archive", STORAGE, NOT_READ), 0.0012, 0.05, 0.50 / 1e4),
}
"""By class: the step to it for a picture, a GiB kept for a month and a GiB read back (both read 2026-09-20), and the
operation that reads a picture back (as remembered)."""


def month_table(measured: Measured) -> str:
    """Return a month's bill, item by item, in Markdown; a price that was not read is marked."""
    lines = ["| a month with so many images uploaded in it | " + " | ".join(f"{n:,}" for n in MONTHS_IMAGES) + " |"]
    lines.append("|---|" + "---:|" * len(MONTHS_IMAGES))
    usual = [item for item in ITEMS if item.option is None]
    lines += [_line(_named(item), [item.usd(n, measured) for n in MONTHS_IMAGES]) for item in usual]
    totals = [sum(item.usd(n, measured) for item in usual) for n in MONTHS_IMAGES]
    lines.append(_line("**together**", totals))
    for item in ITEMS:
        if item.option:
            lines.append(_line(f"with `{item.option}`: {_named(item)}", [item.usd(n, measured) for n in MONTHS_IMAGES]))
    return "\n".join(lines)


def classes_table(measured: Measured) -> str:
    """Return what colder classes cost and save for a million pictures, in Markdown."""
    lines = [
        "| to | pictures of | the step, for a million | saved a month | earned back after | reading all back |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, (step, kept, back, read) in CLASSES.items():
        for size in (measured.image_bytes, 10 * measured.image_bytes):
            gib = 1e6 * size / GIB
            saved, costs = gib * (_usd("gib_month") - kept), 1e6 * step.usd
            lines.append(
                f"| {name} | {size / 1e6:g} MB | ${costs:,.0f} | ${saved:,.2f} | {costs / saved:,.1f} months "
                f"| ${gib * back + 1e6 * read:,.0f} |"
            )
    return "\n".join(lines)


def further_price_table() -> str:
    """Return the prices of what ``shared.operations.cost`` has none for, in Markdown."""
    prices = [*FURTHER.values(), *(step for step, *_ in CLASSES.values())]
    lines = ["| price, US dollars | for a | source | read |", "|---:|---|---|---|"]
    lines += [
        f"| {f'{price.usd:.9f}'.rstrip('0')} | {price.unit} | {price.source} | {price.read_on} |" for price in prices
    ]
    return "\n".join(lines)


def _named(item: Item) -> str:
    is_marked = any((PRICES | FURTHER)[name].read_on == NOT_READ for name in item.prices)
    return f"{item.name} \\*" if is_marked else item.name


def _line(name: str, dollars: list[float]) -> str:
    return f"| {name} | " + " | ".join("< $0.01" if 0 < usd < 0.005 else f"${usd:,.2f}" for usd in dollars) + " |"
