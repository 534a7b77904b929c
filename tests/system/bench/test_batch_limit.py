"""Tests of the limit: it runs on the cores that it gets, and on pictures that are all different."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.system.bench.events_pictures import write_pictures
from tests.system.bench.limit import images_per_s

PICTURES = 6


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("album") / "pictures"
    write_pictures(folder, PICTURES, seed=3)
    return folder


def test_batch_pictures_are_all_different(album: Path) -> None:
    assert len({path.read_bytes() for path in album.iterdir()}) == PICTURES


def test_batch_limit_is_the_sum_of_its_processes(album: Path) -> None:
    before = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    assert images_per_s(sorted(album.iterdir()), processes=2, seconds=0.3) > 0
    if before is not None:
        assert os.sched_getaffinity(0) == before, "the limit's processes change their own cores, and not this process's"
