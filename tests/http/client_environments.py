"""The environments of clients that people have."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.environments import Environment, Impossible, Recipe, environment

HERE = Path(__file__).parent
CLIENT_S = 120


def made(name: str) -> Environment:
    """The environment of a client, or the reason why this machine cannot have it."""
    try:
        return environment(Recipe(HERE / f"{name}.txt"))
    except Impossible as reason:
        pytest.skip(str(reason))
