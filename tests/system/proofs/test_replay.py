"""Test a replay of six days with drawings instead of photographs: from bytes to the verdict of each day."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.memory.warehouse import MemoryWarehouse
from tests.monitoring.profiled import profiled_copy
from tests.system.bench.events_pictures import write_pictures
from tests.system.proofs.arrivals import Picture
from tests.system.proofs.conditions import change
from tests.system.proofs.days import JudgedDay, table_of
from tests.system.proofs.days_picture import draw_days
from tests.system.proofs.replay import replay

DAYS, A_DAY, WINDOW_DAYS, SHIFT_ON, PROFILED = 6, 30, 2, 5, 120


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> list[JudgedDay]:
    """What was concluded of drawings, which are dark from the fifth day on."""
    folder = tmp_path_factory.mktemp("replay")
    write_pictures(folder / "drawings", PROFILED + DAYS * A_DAY, seed=1)
    contents = [path.read_bytes() for path in sorted((folder / "drawings").iterdir())]
    order = np.random.default_rng(1).permutation(len(contents)).tolist()
    bundle = profiled_copy(folder / "bundle", [contents[index] for index in order[:PROFILED]])
    arriving = [
        [
            Picture(contents[index] if day < SHIFT_ON else _dark(contents[index]), "roses")
            for index in order[PROFILED + (day - 1) * A_DAY : PROFILED + day * A_DAY]
        ]
        for day in range(1, DAYS + 1)
    ]
    warehouse = MemoryWarehouse(folder / "warehouse")
    judged = replay(bundle, arriving, warehouse, WINDOW_DAYS)
    recorded = warehouse.query("SELECT COUNT(*) AS verdicts FROM model_events WHERE event = 'verdict'").rows
    assert recorded == [{"verdicts": DAYS}]
    warehouse.close()
    return judged


def _dark(content: bytes) -> bytes:
    pixels = np.asarray(Image.open(BytesIO(content)).convert("RGB"))
    Image.fromarray(change(pixels, "dark ×0.45")).save(png := BytesIO(), "png")
    return png.getvalue()


def test_replay_concludes_nothing_from_too_few_pictures(days: list[JudgedDay]) -> None:
    assert days[0].state == "unknown"
    assert "50 are needed" in str(days[0])


def test_replay_is_steady_until_the_shift_and_finds_it_on_its_day(days: list[JudgedDay]) -> None:
    assert [day.state for day in days[1 : SHIFT_ON - 1]] == ["steady"] * (SHIFT_ON - 2)
    for day in days[SHIFT_ON - 1 :]:
        assert day.state != "steady"
        assert "brightness" in day.subjects


def test_replay_judges_the_rows_of_the_last_days_alone(days: list[JudgedDay]) -> None:
    assert [day.judgement.rows for day in days] == [A_DAY, *[WINDOW_DAYS * A_DAY] * (DAYS - 1)]


def test_replay_is_shown_as_a_table_and_as_a_picture(days: list[JudgedDay], tmp_path: Path) -> None:
    assert len(table_of(days).splitlines()) == 2 + DAYS
    draw_days(days, SHIFT_ON, "dark from day 5 on", tmp_path / "days.png")
    assert (tmp_path / "days.png").stat().st_size < 100_000
