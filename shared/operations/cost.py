"""The cost of images, computed from measured seconds and listed prices: the tables of docs/cost.md."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

GIB = 1 << 30
IMAGES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)
BILLED_IN_S = 0.1
"""Cloud Run rounds an instance's time up to this (https://cloud.google.com/run/pricing)."""

VCPUS, MEMORY_GIB, CONCURRENCY = 1.0, 0.5, 8
"""The size of a function as main.tf has it."""

RUN = "cloud.google.com/run/pricing, tier 1, request-based"
STORAGE = "cloud.google.com/storage/pricing, Standard, one region"
COPY = "2026-11-21, in a stored copy without a date"


@dataclass(frozen=True, slots=True)
class Price:
    """A listed price in US dollars, without free amounts."""

    usd: float
    unit: str
    source: str
    read_on: str
    """The date on which the list was read."""


PRICES = {
    "vcpu_s": Price(0.000024, "vCPU second", RUN, COPY),
    "gib_s": Price(0.0000025, "GiB second", RUN, COPY),
    "request": Price(0.40 / 1e6, "request", RUN, COPY),
    "write": Price(0.005 / 1e3, "object written (class A)", STORAGE, "2026-09-20"),
    "read": Price(0.0004 / 1e3, "object read, or announced (class B)", STORAGE, "2026-09-20"),
    "gib_month": Price(0.020, "GiB kept for a month", STORAGE, "2026-09-20"),
    "gib_row": Price(
        0.05, "GiB of rows, 1 KiB each at least (insertAll)", "cloud.google.com/bigquery/pricing", "2026-11"
    ),
    "gib_message": Price(40 / 1024, "GiB of events, in and out", "cloud.google.com/pubsub/pricing", COPY),
    "gib_log": Price(0.50, "GiB of log", "cloud.google.com/stackdriver/pricing", COPY),
}

WRITES, READS = 2, 2
"""The writes and reads of an upload: the upload and its archived copy; its announcement and its bytes. A delete is
free."""

ROW_BYTES, MESSAGE_BYTES, LOG_BYTES = 1024, 2 * 2048, 2048
"""The sizes of a row, of an event (published and delivered), and of the log lines (ours and Cloud Run's)."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The measurements of ``python docs/measure_cost.py``."""

    cpu_s: float
    """CPU seconds of the function for an image, clients and web server included."""
    image_bytes: int
    """The mean size of a picture."""
    machine: str
    on: str
    wait_s: float
    """Assumed, not measured: seconds that an image waits for Cloud Storage and BigQuery."""

    @classmethod
    def load(cls, path: Path) -> Measured:
        """Read the measurements from a file."""
        return cls(**json.loads(path.read_text("utf-8")))

    @property
    def busy_s(self) -> float:
        """Instance seconds of an image under load; the limit is the CPU or the concurrency."""
        return max(self.cpu_s / VCPUS, (self.cpu_s + self.wait_s) / CONCURRENCY)

    @property
    def alone_s(self) -> float:
        """Instance seconds of an image that is alone on an instance, rounded up as billed."""
        return math.ceil((self.cpu_s + self.wait_s) / BILLED_IN_S - 1e-9) * BILLED_IN_S


@dataclass(frozen=True, slots=True)
class Bill:
    """The cost of a number of uploads, in US dollars."""

    compute: float
    storage: float
    rest: float
    """Rows, events and log."""
    archive_month: float
    """The cost of the archive for each month."""

    @property
    def total(self) -> float:
        """The total without monthly costs."""
        return self.compute + self.storage + self.rest


def bill(images: int, measured: Measured, *, alone: bool) -> Bill:
    """Return the cost of ``images`` uploads; with ``alone``, each on its own instance, the most expensive case."""
    usd = {name: price.usd for name, price in PRICES.items()}
    seconds = measured.alone_s if alone else measured.busy_s
    compute = seconds * (VCPUS * usd["vcpu_s"] + MEMORY_GIB * usd["gib_s"]) + usd["request"]
    storage = WRITES * usd["write"] + READS * usd["read"]
    sizes = {"gib_row": ROW_BYTES, "gib_message": MESSAGE_BYTES, "gib_log": LOG_BYTES}
    rest = sum(usd[name] * size / GIB for name, size in sizes.items())
    kept = measured.image_bytes / GIB * usd["gib_month"]
    return Bill(images * compute, images * storage, images * rest, images * kept)


def cost_table(measured: Measured) -> str:
    """Return the bill by number of images, in Markdown."""
    lines = [
        "| images | compute | storage operations | rows, events, log | together | each alone | archive, a month |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for images in IMAGES:
        busy, alone = bill(images, measured, alone=False), bill(images, measured, alone=True)
        figures = (busy.compute, busy.storage, busy.rest, busy.total, alone.total, busy.archive_month)
        lines.append(f"| {images:,} | " + " | ".join(_dollars(figure) for figure in figures) + " |")
    return "\n".join(lines)


def measured_table(measured: Measured) -> str:
    """Return the inputs of the bill, in Markdown."""
    rows = [
        ("CPU seconds of an image", f"{measured.cpu_s:.4f}", f"measured {measured.on} on {measured.machine}"),
        ("bytes of an image", f"{measured.image_bytes:,}", "assumed: a photograph for the web"),
        ("seconds of waiting for storage and rows", f"{measured.wait_s}", "assumed; `latency_by_revision` tells yours"),
        (
            "instance seconds of an image, many at once",
            f"{measured.busy_s:.4f}",
            f"{CONCURRENCY} at once on {VCPUS:.0f} vCPU",
        ),
        ("instance seconds of an image, alone", f"{measured.alone_s:.1f}", f"rounded up to {BILLED_IN_S} s"),
    ]
    return "\n".join(["| | | |", "|---|---:|---|", *(f"| {what} | {figure} | {how} |" for what, figure, how in rows)])


def price_table() -> str:
    """Return the list of prices, in Markdown."""
    lines = ["| price, US dollars | for a | source | read |", "|---:|---|---|---|"]
    lines += [f"| {_plain(price.usd)} | {price.unit} | {price.source} | {price.read_on} |" for price in PRICES.values()]
    return "\n".join(lines)


def _dollars(usd: float) -> str:
    return f"${usd:,.0f}" if usd >= 100 else f"${usd:.2f}" if usd >= 0.005 else "< $0.01"


def _plain(usd: float) -> str:
    return f"{usd:.9f}".rstrip("0")
