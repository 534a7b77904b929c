"""What images cost, computed from measured seconds and listed prices: the tables of docs/cost.md."""

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
    """One listed price in US dollars; nothing is taken off for free amounts."""

    usd: float
    unit: str
    source: str
    read_on: str
    """When the list was read."""


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
"""Of an upload: the upload itself and its place in the archive; its announcement and its bytes. A delete is free."""

ROW_BYTES, MESSAGE_BYTES, LOG_BYTES = 1024, 2 * 2048, 2048
"""A row; an event, published and delivered; our line and Cloud Run's own."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What ``python docs/measure_cost.py`` found."""

    cpu_s: float
    """CPU seconds of the function for an image, clients and web server included."""
    image_bytes: int
    """Of a picture, on average."""
    machine: str
    on: str
    wait_s: float
    """Assumed, not measured: seconds that an image waits for Cloud Storage and BigQuery."""

    @classmethod
    def load(cls, path: Path) -> Measured:
        """Read what was measured."""
        return cls(**json.loads(path.read_text("utf-8")))

    @property
    def busy_s(self) -> float:
        """Instance seconds of an image while many come: the CPU is the limit, or the places for those that wait."""
        return max(self.cpu_s / VCPUS, (self.cpu_s + self.wait_s) / CONCURRENCY)

    @property
    def alone_s(self) -> float:
        """Instance seconds of an image that has an instance to itself, rounded up as they are billed."""
        return math.ceil((self.cpu_s + self.wait_s) / BILLED_IN_S - 1e-9) * BILLED_IN_S


@dataclass(frozen=True, slots=True)
class Bill:
    """What a number of uploads costs, in US dollars."""

    compute: float
    storage: float
    rest: float
    """Rows, events and log."""
    archive_month: float
    """Each month that the pictures are kept."""

    @property
    def total(self) -> float:
        """Without what is paid by the month."""
        return self.compute + self.storage + self.rest


def bill(images: int, measured: Measured, *, alone: bool) -> Bill:
    """Return what ``images`` uploads cost; ``alone`` says whether each has an instance to itself, the dearest case."""
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
    """Return what the bill is computed from, in Markdown."""
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
    lines += [f"| {_plain(one.usd)} | {one.unit} | {one.source} | {one.read_on} |" for one in PRICES.values()]
    return "\n".join(lines)


def _dollars(usd: float) -> str:
    return f"${usd:,.0f}" if usd >= 100 else f"${usd:.2f}" if usd >= 0.005 else "< $0.01"


def _plain(usd: float) -> str:
    return f"{usd:.9f}".rstrip("0")
