"""The tables of docs/cost.md are what the figures give, and the arithmetic is that of the prices."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shared.cost import IMAGES, PRICES, Measured, bill, cost_table
from tests.documents import between, writer_of_tables

ROOT = Path(__file__).parents[1]
MEASURED = Measured(cpu_s=0.04, image_bytes=1 << 20, machine="a laptop", on="2026-11-21", wait_s=0.2)


def test_the_tables_are_those_that_the_command_writes() -> None:
    text = (ROOT / "docs" / "cost.md").read_text("utf-8")
    for mark, table in writer_of_tables().cost_tables().items():
        assert between(text, mark) == table, "run: make docs"


def test_a_million_images_cost_what_one_can_work_out_by_hand() -> None:
    found = bill(1_000_000, MEASURED, alone=False)
    assert found.compute == pytest.approx(0.04 * 1e6 * (0.000024 + 0.5 * 0.0000025) + 0.40)
    assert found.storage == pytest.approx(2 * 5.00 + 2 * 0.40)
    assert found.rest == pytest.approx((0.05 * 1024 + 40 / 1024 * 4096 + 0.5 * 2048) / (1 << 30) * 1e6)
    assert found.archive_month == pytest.approx(0.020 * 1e6 / 1024)
    assert found.total == pytest.approx(found.compute + found.storage + found.rest)


def test_an_image_alone_is_billed_in_tenths_of_a_second() -> None:
    assert MEASURED.alone_s == pytest.approx(0.3)
    assert bill(1, MEASURED, alone=True).compute == pytest.approx(0.3 * 0.00002525 + 0.40e-6)


def test_many_images_at_once_are_limited_by_the_processor_or_by_the_places_to_wait() -> None:
    waiting = Measured(cpu_s=0.01, image_bytes=1, machine="", on="", wait_s=0.79)
    assert MEASURED.busy_s == pytest.approx(0.04)
    assert waiting.busy_s == pytest.approx(0.1)


def test_the_size_that_is_billed_is_the_functions_own() -> None:
    size = re.search(r'variable "classify_upload" \{.*?\n\}', (ROOT / "main.tf").read_text("utf-8"), re.DOTALL)
    assert size
    defaults = dict(re.findall(r"^ *(\w+) *= *optional\(number, *(\d+)\)", size[0], re.MULTILINE))
    assert {name: defaults[name] for name in ("concurrency", "cpu", "memory_mb")} == {
        "concurrency": "8",
        "cpu": "1",
        "memory_mb": "512",
    }


def test_the_table_goes_from_a_thousand_to_a_hundred_million() -> None:
    assert (IMAGES[0], IMAGES[-1]) == (1_000, 100_000_000)
    assert len(cost_table(MEASURED).splitlines()) == 2 + len(IMAGES)


def test_every_price_has_its_source_and_date() -> None:
    assert all(one.source and one.read_on and one.usd > 0 for one in PRICES.values())
