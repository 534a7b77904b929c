"""The physical limit: decode, resize and invoke in a loop, one process a core, and nothing else.

python -m tests.system.bench.limit FOLDER --processes 2

Prints images a second, all processes together. Files are read before the clock starts.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from collections.abc import Sequence
from multiprocessing.synchronize import Barrier
from pathlib import Path

from shared.bundles.bundle import load_bundle
from shared.bundles.folders import bundle_folder
from shared.images.decode import Limits, decode
from shared.inference.classifier import prepare
from shared.settings import DEFAULT_BUNDLE, own_models
from shared.wiring import load_model

SECONDS = 4.0
WARM_UP = 10
PATIENCE_S = 120


def images_per_s(
    files: Sequence[Path], processes: int, seconds: float = SECONDS, bundle: str = DEFAULT_BUNDLE
) -> float:
    """Return how many images a second this machine can classify at most.

    Args:
        files: pictures; each process works on all of them, repeatedly.
        processes: how many; on Linux each has a core to itself.
        seconds: how long.
        bundle: a bundle that ships, or a folder.
    """
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(processes)
    with context.Pool(processes, _get_ready, (ready,)) as pool:
        work = [(list(files), core, seconds, bundle) for core in _cores(processes)]
        return sum(pool.starmap(_rate, work, chunksize=1))


_ready: Barrier
"""Barrier of a pool's process: all processes start to measure at it."""


def _get_ready(ready: Barrier) -> None:
    global _ready  # the only way to give a barrier to a pool's process
    _ready = ready


def _rate(files: list[Path], core: int | None, seconds: float, bundle: str) -> float:
    """Return the images a second of this process while all the others work too."""
    if core is not None:
        os.sched_setaffinity(0, {core})
    loaded = load_bundle(bundle_folder(bundle, own_models()))
    spec, model, limits = loaded.manifest.input, load_model(loaded, threads=1), Limits()
    contents = [path.read_bytes() for path in files]

    def classify(content: bytes) -> None:
        model.run(prepare(decode(content, limits, shrink_to_px=spec.long_edge_px).pixels, spec))

    for index in range(WARM_UP):
        classify(contents[index % len(contents)])
    _ready.wait(PATIENCE_S)
    started, count = time.perf_counter(), 0
    while (took_s := time.perf_counter() - started) < seconds:
        classify(contents[count % len(contents)])
        count += 1
    return count / took_s


def _cores(processes: int) -> list[int | None]:
    """Return a core for each process, repeatedly; None on a system without affinity (macOS)."""
    if not hasattr(os, "sched_getaffinity"):
        return [None] * processes
    core_ids = sorted(os.sched_getaffinity(0))
    return [core_ids[index % len(core_ids)] for index in range(processes)]


def main() -> None:
    """Measure and print one number."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--bundle", default=DEFAULT_BUNDLE)
    chosen = parser.parse_args()
    files = sorted(path for path in chosen.folder.rglob("*") if path.is_file())
    print(f"{images_per_s(files, chosen.processes, chosen.seconds, chosen.bundle):.1f}")


if __name__ == "__main__":
    main()
