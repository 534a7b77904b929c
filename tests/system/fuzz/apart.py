"""Run rounds in a process of their own: a decoder that crashes takes the rounds with it, and leaves its last input."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import time
from dataclasses import dataclass
from multiprocessing.queues import SimpleQueue
from pathlib import Path

from tests.system.fuzz.search import INPUTS_A_ROUND, Finding, search_round
from tests.system.fuzz.targets import TARGETS

TURN_S = 20.0
"""Seconds on one target before the next has its turn; starting a process takes two or three seconds."""

STUCK_S = 400.0
"""The extra time that a turn may last: hypothesis reduces what it has found, for five minutes at most."""


@dataclass(frozen=True)
class Turn:
    """The result of feeding one target for a while."""

    inputs: int
    finding: Finding | None


def turn_apart(name: str, number: int, seconds: float = TURN_S) -> Turn:
    """Feed a target for ``seconds``, in rounds that begin with ``number``, until something is found."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="bucketlens-fuzz-") as folder:
        note = Path(folder) / "input"
        note.touch()
        answer: SimpleQueue[Turn] = context.SimpleQueue()
        process = context.Process(target=_turn, args=(name, number, seconds, note, answer))
        process.start()
        process.join(seconds + STUCK_S)
        if process.is_alive():
            process.terminate()
            process.join()
            return Turn(0, Finding(name, note.read_bytes(), f"still running {STUCK_S:.0f} s after its time"))
        if process.exitcode:
            return Turn(0, Finding(name, note.read_bytes(), f"the process ended with {process.exitcode}"))
        return answer.get()


def _turn(name: str, number: int, seconds: float, note: Path, answer: SimpleQueue[Turn]) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # silence the log; decoders write there as well
    ends, rounds, finding = time.monotonic() + seconds, 0, None
    while finding is None and time.monotonic() < ends:
        finding = search_round(TARGETS[name], number + rounds, note=note.write_bytes)
        rounds += 1
    answer.put(Turn(rounds * INPUTS_A_ROUND, finding))
