"""Fixtures: a picture of every kind that the benchmark needs, all of one small file, and a stand-in server."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import pytest

from shared.local.processes import ROOT
from tests.environments import Environment
from tests.pictures import encoded, smooth
from tests.system.bench import wire
from tests.system.bench.field import OURS, Contestant
from tests.system.bench.photographs import LARGE, SMALL, Photograph

Competitor = Callable[..., Contestant]


@pytest.fixture
def pictures(tmp_path: Path) -> list[Photograph]:
    path = tmp_path / "picture.jpeg"
    path.write_bytes(encoded(smooth(224, 224), "JPEG", quality=92))
    return [Photograph(path, kind) for kind in (SMALL, *LARGE)]


@pytest.fixture
def competitor(tmp_path: Path) -> Competitor:
    """Return a maker of contestants that need no environment of their own."""
    packages = tmp_path / "environment" / "lib" / "python3" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "package.py").write_bytes(bytes(1_500_000))
    (packages / "package.pyc").write_bytes(bytes(99))

    def make(name: str = "stand-in", path: str = "/", label: str = "", **variables: str) -> Contestant:
        def variables_of(_: int) -> Mapping[str, str]:
            return {"PYTHONPATH": str(ROOT), **variables}

        return Contestant(
            name,
            OURS,
            lambda _, port: [sys.executable, "-m", "tests.system.bench.stand_in", str(port), *filter(None, [label])],
            partial(wire.raw, path),
            variables_of,
            _made=[Environment(tmp_path / "environment")],
        )

    return make
