"""Classify many files on all cores of this machine, with the answers in order."""

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
"""Files for each core below which the start of a process takes longer than it saves."""

CHUNK_FILES = 16
"""Files that a process receives together."""


def classify_files(files: Sequence[Path], classifier: Classifier) -> Generator[Answer]:
    """Classify files on all cores; yield an answer for each, in order, as it comes.

    Threads of this process classify a few files. For many files, each core gets its own process, because Python runs
    one thread at a time and a part of the work is Python. Files are not started after the caller was interrupted.

    Args:
        files: of any kind; the answer of a file that cannot be classified has its error.
        classifier: used for a few files; for many, each process opens its bundle again.

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
    processes = ProcessPoolExecutor(cores, context, _open_bundle, (classifier.bundle.folder,))
    try:
        with _ignore_interrupts_in_children():
            answers = processes.map(_classify, files, chunksize=CHUNK_FILES)
        yield from answers
    finally:
        processes.shutdown(cancel_futures=True)


def classify_file(path: Path, classifier: Classifier) -> Answer:
    """Classify one file."""
    try:
        check_size(path.stat().st_size, DEFAULT_LIMITS)
        classification = classifier.classify_with_signals(decode_for(classifier, path.read_bytes()).pixels)
    except Permanent as error:
        return {"path": str(path), "error": {"reason": error.reason, "message": str(error)}}
    except OSError as error:
        return {"path": str(path), "error": {"reason": "unreadable", "message": str(error.strerror)}}
    return {
        "path": str(path),
        "label": classification.label,
        "score": classification.score,
        "candidates": [fields_of(candidate) for candidate in classification.candidates],
        "needs_review": classification.needs_review,
        "is_unfamiliar": classification.is_unfamiliar,
        "signals": {} if classification.signals is None else fields_of(classification.signals),
    }


def usable_cores() -> int:
    """Return the number of cores that this process may use, which may be less than those of the machine."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _ignore_interrupts_in_children() -> Iterator[None]:
    """Block Ctrl-C, which a terminal sends to all processes, in the processes that start in the block."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _open_bundle(bundle: Path) -> None:
    """Open the bundle in a process of the pool; only the parent handles Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    global _classifier  # the only way to share an object with the tasks of a pool's process
    loaded = load_bundle(bundle)
    with silence():  # LiteRT prints a greeting in each process
        _classifier = Classifier(loaded, load_model(loaded, threads=1))


def _classify(path: Path) -> Answer:
    return classify_file(path, _classifier)


_classifier: Classifier
