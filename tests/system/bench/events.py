"""The event path: from the end of an upload to its row, at a steady pace and in a burst."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from tests.system.bench.events_cloud import EventsCloud, Traffic, open_cloud
from tests.system.bench.events_pictures import write_pictures
from tests.system.bench.events_steps import STEPS, steps_ms
from tests.system.bench.figures import Figure, Goal, print_measured

WARM_UP, BURST, PACED = 40, 400, 100
"""Uploads."""
THREADS = 4
"""Threads of the uploader; the relay delivers as many events at the same time."""
PACE = 5.0
"""Uploads a second, at the steady pace."""

US, NO_OP = "bucketlens", "no-op classifier, no warehouse"


def measure_events(rounds: int, say: Callable[[str], None]) -> tuple[list[Figure], list[Goal]]:
    """Measure a burst, the same burst with a function that does nearly nothing, and a steady pace, each round.

    Args:
        rounds: how often; the two bursts alternate, and take turns at being first.
        say: takes a sentence for the person who watches.
    """
    with (
        tempfile.TemporaryDirectory(prefix="bucketlens-events-", ignore_cleanup_errors=True) as scratch,
        open_cloud(Path(scratch) / "ours") as product,
        open_cloud(Path(scratch) / "no-op", no_op=True) as no_op,
    ):
        warm, burst, paced = (Path(scratch) / name for name in ("warm", "burst", "paced"))
        for seed, (folder, count) in enumerate(((warm, WARM_UP), (burst, BURST), (paced, PACED))):
            write_pictures(folder, count, seed)
        for cloud in (product, no_op):
            cloud.send(warm, threads=THREADS)
        bursts: dict[str, list[Traffic]] = {US: [], NO_OP: []}
        steady: list[Traffic] = []
        steps: list[dict[str, float]] = []
        for index in range(rounds):
            for contestant, cloud in _in_turn(((US, product), (NO_OP, no_op)), index):
                bursts[contestant].append(cloud.send(burst, threads=THREADS))
                say(f"burst, {contestant}: {_rate(bursts[contestant][-1]):.1f} images a second")
            steady.append(product.send(paced, threads=THREADS, rate=PACE))
            steps.append(steps_ms(product.cloud, steady[-1]))
            say(f"upload to row, {PACE:g} a second: p50 {_to_row_ms(steady[-1], 50):.1f} ms")
    figures, goals = _figures(bursts, steady)
    return [*figures, *_step_figures(steps), *_cpu_figures(bursts)], goals


def _figures(bursts: dict[str, list[Traffic]], steady: list[Traffic]) -> tuple[list[Figure], list[Goal]]:
    rates = {
        contestant: Figure(contestant, "events in a burst", "images/s", tuple(_rate(traffic) for traffic in rounds))
        for contestant, rounds in bursts.items()
    }
    latencies = [
        Figure(
            US,
            f"upload to row, p{share}, {PACE:g} images a second",
            "ms",
            tuple(_to_row_ms(traffic, share) for traffic in steady),
        )
        for share in (50, 95, 99)
    ]
    goals = [
        Goal("upload to row, p50, 5 images a second: under 40 ms", latencies[0], None, at_most=40.0),
        Goal(
            "events in a burst: at least 70 % of the same path with a no-op classifier and no warehouse",
            rates[US],
            rates[NO_OP],
            at_least=0.70,
        ),
    ]
    return [*rates.values(), *latencies], goals


def _step_figures(steps: list[dict[str, float]]) -> Iterable[Figure]:
    for step in STEPS:
        yield Figure(US, f"of upload to row: {step}", "ms", tuple(medians[step] for medians in steps))


def _cpu_figures(bursts: dict[str, list[Traffic]]) -> Iterable[Figure]:
    """Yield the CPU time that each part needs for one image: where the time of a burst goes."""
    for contestant, samples in bursts.items():
        for part in samples[0].cpu_s:
            values = tuple(1000 * sample.cpu_s[part] / len(sample.sent) for sample in samples)
            yield Figure(contestant, f"CPU of {part}, an image of a burst", "ms", values)


def _in_turn(contestants: tuple[tuple[str, EventsCloud], ...], index: int) -> Iterable[tuple[str, EventsCloud]]:
    return contestants if index % 2 == 0 else reversed(contestants)


def _rate(traffic: Traffic) -> float:
    return len(traffic.sent) / traffic.seconds


def _to_row_ms(traffic: Traffic, share: float) -> float:
    waits = [1000 * (upload.recorded - upload.ended) for upload in traffic.sent if upload.recorded is not None]
    return float(np.percentile(waits, share))


def main() -> None:
    """Measure, and print every figure and goal."""
    print_measured(*measure_events(2, print))


if __name__ == "__main__":
    main()
