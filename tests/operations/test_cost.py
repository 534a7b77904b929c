"""The tables of docs/cost.md are what the figures give, and the arithmetic is that of the prices."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shared.operations.cost import IMAGES, PRICES, Measured, bill, cost_table
from shared.operations.monthly_bill import (
    CONDITIONS,
    FREE,
    FURTHER,
    ITEMS,
    MONTHS_IMAGES,
    NOT_READ,
    SWEEPS,
    classes_table,
    month_table,
)
from tests.docs.documents import between, writer_of_tables

ROOT = Path(__file__).parents[2]
MEASURED = Measured(cpu_s=0.04, image_bytes=1 << 20, machine="a laptop", on="2026-11-21", wait_s=0.2)


def test_cost_tables_are_those_that_the_command_writes() -> None:
    text = (ROOT / "docs" / "cost.md").read_text("utf-8")
    for mark, table in writer_of_tables().cost_tables().items():
        assert between(text, mark) == table, "run: make docs"


def test_cost_of_a_million_images_matches_a_computation_by_hand() -> None:
    costs = bill(1_000_000, MEASURED, alone=False)
    assert costs.compute == pytest.approx(0.04 * 1e6 * (0.000024 + 0.5 * 0.0000025) + 0.40)
    assert costs.storage == pytest.approx(2 * 5.00 + 2 * 0.40)
    assert costs.rest == pytest.approx((0.05 * 1024 + 40 / 1024 * 4096 + 0.5 * 2048) / (1 << 30) * 1e6)
    assert costs.archive_month == pytest.approx(0.020 * 1e6 / 1024)
    assert costs.total == pytest.approx(costs.compute + costs.storage + costs.rest)


def test_cost_of_an_image_alone_is_billed_in_tenths_of_a_second() -> None:
    assert MEASURED.alone_s == pytest.approx(0.3)
    assert bill(1, MEASURED, alone=True).compute == pytest.approx(0.3 * 0.00002525 + 0.40e-6)


def test_cost_under_load_is_limited_by_the_processor_or_the_concurrency() -> None:
    waiting = Measured(cpu_s=0.01, image_bytes=1, machine="", on="", wait_s=0.79)
    assert MEASURED.busy_s == pytest.approx(0.04)
    assert waiting.busy_s == pytest.approx(0.1)


def test_cost_is_for_the_size_of_the_function() -> None:
    size = re.search(r'variable "classify_upload" \{.*?\n\}', (ROOT / "main.tf").read_text("utf-8"), re.DOTALL)
    assert size
    defaults = dict(re.findall(r"^ *(\w+) *= *optional\(number, *(\d+)\)", size[0], re.MULTILINE))
    assert {name: defaults[name] for name in ("concurrency", "cpu", "memory_mb")} == {
        "concurrency": "8",
        "cpu": "1",
        "memory_mb": "512",
    }


def test_cost_table_covers_a_thousand_to_a_hundred_million_images() -> None:
    assert (IMAGES[0], IMAGES[-1]) == (1_000, 100_000_000)
    assert len(cost_table(MEASURED).splitlines()) == 2 + len(IMAGES)


def test_cost_prices_have_a_source_and_a_date() -> None:
    assert all(price.source and price.read_on and price.usd > 0 for price in PRICES.values())


def test_monthly_bill_covers_ten_thousand_to_a_hundred_million_images() -> None:
    assert MONTHS_IMAGES == (10_000, 1_000_000, 100_000_000)
    lines = month_table(MEASURED).splitlines()
    assert len(lines) == 3 + len(ITEMS)
    assert lines[0].endswith("| 10,000 | 1,000,000 | 100,000,000 |")


def test_monthly_bill_is_the_sum_of_its_items() -> None:
    [together] = [line for line in month_table(MEASURED).splitlines() if line.startswith("| **together**")]
    usual = sum(item.usd(1_000_000, MEASURED) for item in ITEMS if item.option is None)
    assert together.split(" | ")[2] == f"${usual:,.2f}"
    costs = bill(1_000_000, MEASURED, alone=False)
    assert usual > costs.total + costs.archive_month


def test_monthly_bill_of_the_sweep_matches_a_computation_by_hand() -> None:
    by_name = {item.name: item.usd(0, MEASURED) for item in ITEMS}
    assert by_name["the sweep, 2,880 runs"] == pytest.approx(2880 * 60 * (0.000018 + 0.000002))
    assert by_name["a warm instance"] == pytest.approx(2_628_000 * 1.5 * 0.0000025)
    assert SWEEPS == 2880


def test_monthly_bill_has_deleted_uploads_for_a_week() -> None:
    [kept] = [item for item in ITEMS if item.name.startswith("storage: deleted uploads")]
    assert kept.usd(1_000_000, MEASURED) == pytest.approx(0.020 * 1e6 / 1024 * 7 / 30)


def test_monthly_bill_marks_prices_that_were_not_read() -> None:
    assert any(price.read_on == NOT_READ for price in FURTHER.values())
    for item, line in zip(
        [item for item in ITEMS if item.option is None], month_table(MEASURED).splitlines()[2:], strict=False
    ):
        is_remembered = any(name in FURTHER and FURTHER[name].read_on == NOT_READ for name in item.prices)
        assert ("\\*" in line) == is_remembered, line


def test_monthly_bill_shows_that_archive_classes_do_not_pay_for_small_pictures() -> None:
    small = Measured(cpu_s=0.04, image_bytes=200_000, machine="", on="", wait_s=0.2)
    [line] = [line for line in classes_table(small).splitlines() if line.startswith("| ARCHIVE | 0.2 MB")]
    assert "| $50 | $3.50 | 14.3 months | $59 |" in line


def test_monthly_bill_uses_every_price_and_every_kind() -> None:
    assert {name for item in ITEMS for name in item.prices} == PRICES.keys() | FURTHER.keys()
    kinds = {kind for item in ITEMS for kind in item.resources}
    assert not kinds & FREE.keys()


def test_monthly_bill_has_the_alert_conditions_of_terraform() -> None:
    alerts = (ROOT / "infra" / "observability" / "alerts.tf").read_text("utf-8")
    assert len(re.findall(r'^    "[a-z-]+" = merge\(', alerts, re.MULTILINE)) == CONDITIONS
