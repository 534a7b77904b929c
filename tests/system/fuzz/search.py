"""Search for an input that breaks a rule: hypothesis draws, runs, and reduces what it finds."""

from __future__ import annotations

import hashlib
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.system.fuzz.inputs import CORPUS, inputs
from tests.system.fuzz.targets import Target

INPUTS_A_ROUND = 400
SLOW_S = 10.0
"""An input of a few kilobytes that takes longer is a finding: its sender can stop the service."""


class TooSlow(Exception):
    """An input took longer than any input may."""


@dataclass(frozen=True)
class Finding:
    """An input that breaks a rule."""

    target: str
    content: bytes
    why: str

    def keep(self, folder: Path = CORPUS) -> Path:
        """Write the input into the corpus, so that every later run begins with it."""
        path = folder / self.target / f"found-{hashlib.sha256(self.content).hexdigest()[:12]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.content)
        return path


def search_round(
    target: Target, number: int, examples: int = INPUTS_A_ROUND, note: Callable[[bytes], object] = bytes
) -> Finding | None:
    """Run one round, the same for the same number; return the smallest input that breaks a rule, or None.

    Args:
        target: the parser.
        number: of the round.
        examples: how many inputs are tried.
        note: gets each input before it is run, in case the process does not survive it.
    """
    last = b""

    @seed(number)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs(target.name, target.kind))
    def holds(content: bytes) -> None:
        nonlocal last
        last = content
        note(content)
        run_timed(target, content)

    try:
        holds()
    except Exception:  # any error is a finding
        return Finding(target.name, last, traceback.format_exc(limit=-6))
    return None


def run_timed(target: Target, content: bytes) -> None:
    """Run one input.

    Raises:
        TooSlow: it took more than ``SLOW_S`` seconds of processor time.
    """
    began = time.thread_time()
    target.run(content)
    if (took_s := time.thread_time() - began) > SLOW_S:
        raise TooSlow(f"{took_s:.1f} s")
