"""Tests of the growth table: arithmetic that can be checked by hand."""

from __future__ import annotations

import pytest

from shared.operations.cost import IMAGES, Measured, bill
from tests.system.bench.growth import MEASURED, MOST_INSTANCES, growth_table, instances_for


def rows_of(table: str) -> dict[int, list[str]]:
    """Return the table's cells by number of images."""
    lines = [line for line in table.splitlines() if line.startswith("| ") and line[2].isdigit()]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {int(row[0].replace(",", "")): row[1:] for row in cells}


def test_growth_table_goes_from_a_thousand_to_a_hundred_million_images() -> None:
    assert tuple(rows_of(growth_table(0.04))) == IMAGES
    assert (IMAGES[0], IMAGES[-1]) == (1_000, 100_000_000)


def test_growth_uses_as_many_instances_as_finish_within_an_hour() -> None:
    assert [instances_for(images, 0.036) for images in (1, 100_000, 100_001, 10**8)] == [1, 1, 2, MOST_INSTANCES]


def test_growth_minutes_are_the_cpu_time_divided_by_the_instances() -> None:
    rows = rows_of(growth_table(0.036))
    assert rows[100_000][:2] == ["1", "60"]
    assert rows[100_000_000][:2] == ["100", "600"]


@pytest.mark.parametrize("seconds", [0.036, 0.36])
def test_growth_dollars_are_those_of_the_bill(seconds: float) -> None:
    known = Measured.load(MEASURED)
    measured = Measured(seconds, known.image_bytes, known.machine, known.on, known.wait_s)
    cells = rows_of(growth_table(seconds))[1_000_000]
    assert float(cells[2].replace(",", "")) == pytest.approx(bill(1_000_000, measured, alone=False).total, abs=0.5)


def test_growth_table_states_each_assumption_with_its_number() -> None:
    table = growth_table(0.04)
    for assumption in ("0.0400 CPU seconds", "8 images at once", "100 at most", "0.25 s", "$0.000024"):
        assert assumption in table, assumption
