"""The environments of published clients, such as ``tritonclient``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.environments import Environment, Impossible, Recipe, environment

HERE = Path(__file__).parent
CLIENT_S = 120


def made(name: str) -> Environment:
    """Return a client's environment; skip with the reason if this machine cannot have it."""
    try:
        return environment(Recipe(HERE / f"{name}.txt"))
    except Impossible as reason:
        pytest.skip(str(reason))
