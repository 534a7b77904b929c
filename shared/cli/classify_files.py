"""Many files on this machine, classified on all of its cores, and told in their order."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shared.bundles.bundle import load_bundle
from shared.errors import Permanent
from shared.images.decode import check_size
from shared.inference.classifier import Classifier
from shared.inference.from_bytes import DEFAULT_LIMITS, decode_for
from shared.training.silence import silence
from shared.types import fields_of
from shared.wiring import load_model

Answer = dict[str, Any]
"""``path``, ``label``, ``score``, ``candidates``, ``needs_review``, ``is_unfamiliar`` and ``signals``; or ``path`` and
``error``."""

FEW = 64
"""Files for each core below which processes of their own are not worth their start."""

AT_ONCE = 16
"""Files that a process is handed together."""


def classify_files(files: Sequence[Path], classifier: Classifier) -> Generator[Answer]:
    """Classify files, as many at once as there are cores; yields an answer for each, in order, as it comes.

    A few are classified by threads of this process. For many, each core gets a process with an interpreter of its
    own, since Python runs one thread at a time, and a part of decoding and of answering is Python. What the caller
    does not wait for any more, because it was interrupted, is not begun.

    Args:
        files: of any kind; one that cannot be classified has an answer that says so.
        classifier: for a few; for many its bundle is opened again in each process.

    Raises:
        concurrent.futures.process.BrokenProcessPool: a process was killed, for example for its memory.
    """
    cores = usable_cores()
    if cores == 1 or len(files) < FEW * cores:
        with ThreadPoolExecutor(cores) as threads:
            yield from threads.map(lambda file: classify_file(file, classifier), files)
        return
    # Spawned, since a fork would copy locks that threads of this process hold.
    context = multiprocessing.get_context("spawn")
    processes = ProcessPoolExecutor(cores, context, _begin, (classifier.bundle.folder,))
    try:
        with _deaf_children():
            answers = processes.map(_classify, files, chunksize=AT_ONCE)
        yield from answers
    finally:
        processes.shutdown(cancel_futures=True)


def classify_file(path: Path, classifier: Classifier) -> Answer:
    """Classify one file."""
    try:
        check_size(path.stat().st_size, DEFAULT_LIMITS)
        said = classifier.classify_with_signals(decode_for(classifier, path.read_bytes()).pixels)
    except Permanent as error:
        return {"path": str(path), "error": {"reason": error.reason, "message": str(error)}}
    except OSError as error:
        return {"path": str(path), "error": {"reason": "unreadable", "message": str(error.strerror)}}
    return {
        "path": str(path),
        "label": said.label,
        "score": said.score,
        "candidates": [fields_of(candidate) for candidate in said.candidates],
        "needs_review": said.needs_review,
        "is_unfamiliar": said.is_unfamiliar,
        "signals": {} if said.signals is None else fields_of(said.signals),
    }


def usable_cores() -> int:
    """Return how many cores this process may use, which can be fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Have processes that start in the block hear no Ctrl-C, which a terminal sends to all of them, from birth on."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(bundle: Path) -> None:
    """Open the bundle in a process of the pool; Ctrl-C is the parent's to hear."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    global _own  # the one way to hand something to each task of a pool's process
    loaded = load_bundle(bundle)
    with silence():  # LiteRT says once in each process that it is here
        _own = Classifier(loaded, load_model(loaded, threads=1))


def _classify(path: Path) -> Answer:
    return classify_file(path, _own)


_own: Classifier
