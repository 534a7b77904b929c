"""Print what judging many rows costs: time and memory of a process that judges all rows of a warehouse.

python -m tests.system.bench.judged_rows [--rows 10000 100000]

The warehouse is the local one, in a process of its own. Its rows are of drawn numbers, with all signals, and a person
has labelled the audit sample. Each time is of ``judge`` alone in a fresh process; the memory is the most
that this process ever had, imports included. Exit code: 0, every bar holds; 1, one does not.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import multiprocessing
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from google.cloud import bigquery
from rich.console import Console

from shared.adapters.bigquery import BigQuery
from shared.bundles.bundle import Bundle, digest_of, load_bundle
from shared.bundles.folders import MODELS
from shared.bundles.manifest import write_manifest
from shared.local.cloud import DATASET, PROJECT
from shared.monitoring.audit_sample import audit_bound
from shared.monitoring.judge import judge
from shared.monitoring.thresholds import VerdictThresholds
from shared.monitoring.window import STATISTICS
from shared.pipeline.record import Row, label_row, prediction_row
from shared.settings import DEFAULT_BUNDLE
from shared.signals.novelty import DIRECTIONS
from shared.signals.profile import FILE, Familiar, Reference, write_profile
from shared.types import (
    Call,
    Candidate,
    Classification,
    Correction,
    ImageFacts,
    ModelFacts,
    Prediction,
    Signals,
    Source,
    Times,
)
from tests.emulators.warehouse_parts import SCHEMAS, client_of

MAX_MIB = 300
"""The bar: of the process that judges."""

SINCE = datetime(2026, 11, 24, tzinfo=UTC)
UNTIL = SINCE + timedelta(days=7)
AT_ONCE = 1_000
"""Rows of an insertAll."""

ROUNDS = 3
REFERENCES = 2_000
CHANNELS = 1_280


@contextmanager
def warehouse_process(folder: Path) -> Iterator[tuple[int, str]]:
    """Run a local warehouse; yields its process id and its URL, and ends it."""
    command = [sys.executable, "-m", "shared.emulators.bigquery", "--port", "0", "--data", str(folder)]
    running = subprocess.Popen([*command, "--schemas", str(SCHEMAS)], stdout=subprocess.PIPE, text=True)
    try:
        assert running.stdout is not None
        match = re.search(r"http://\S+", running.stdout.readline())
        if match is None:
            raise SystemExit("The local warehouse did not start.")
        yield running.pid, match.group()
    finally:
        running.terminate()
        running.wait(timeout=60)


def drawn_bundle(folder: Path) -> Bundle:
    """Return a copy of the bundle that ships, whose profile is of drawn numbers."""
    bundle = load_bundle(shutil.copytree(MODELS / DEFAULT_BUNDLE, folder))
    random, labels = np.random.default_rng(0), len(bundle.manifest.labels)
    truths = random.integers(labels, size=REFERENCES).astype(np.int32)
    numbers = [signals_of(random) for _ in range(REFERENCES)]
    reference = Reference(
        embedding=np.array([signals.embedding for signals in numbers], np.float32),
        statistics=np.array([statistics_of(signals) for signals in numbers], np.float32),
        score=random.beta(20, 1, REFERENCES).astype(np.float32),
        entropy=np.zeros(REFERENCES, np.float32),
        novelty=np.array([signals.novelty for signals in numbers], np.float32),
        label=truths,
        predicted=np.where(random.uniform(size=REFERENCES) < 0.95, truths, (truths + 1) % labels).astype(np.int32),
    )
    familiar = Familiar(np.eye(CHANNELS, DIRECTIONS, dtype=np.float32), float(np.quantile(reference.novelty, 0.99)))
    write_profile(folder / FILE, bundle.manifest.files[bundle.manifest.model_file], familiar, reference)
    files = {**bundle.manifest.files, FILE: digest_of(folder / FILE)}
    write_manifest(folder, dataclasses.replace(bundle.manifest, files=files))
    return load_bundle(folder)


def signals_of(random: np.random.Generator) -> Signals:
    """Draw the signals of a picture."""
    statistics = dict(zip(STATISTICS, random.gamma(9, 0.1, len(STATISTICS)).tolist(), strict=True))
    embedding = tuple(random.normal(size=DIRECTIONS).round(3).tolist())
    return Signals(entropy=0.3, **statistics, novelty=float(random.beta(4, 20)), embedding=embedding)


def statistics_of(signals: Signals) -> list[float]:
    """Return the image statistics of signals, in the order of a profile's columns."""
    return [getattr(signals, name) for name in STATISTICS]


def rows_of(bundle: Bundle, first: int, end: int) -> Iterator[tuple[Row, Row | None]]:
    """Yield drawn rows of a week's uploads, each with that of its label where it is in the audit sample."""
    random, labels = np.random.default_rng(first), bundle.manifest.labels
    manifest, bound = bundle.manifest, audit_bound(VerdictThresholds().audit_share)
    model = ModelFacts(manifest.name, manifest.version, bundle.digest, "litert")
    for index in range(first, end):
        at = SINCE + (UNTIL - SINCE) * float(random.uniform())
        upload_id, prediction_id = (hashlib.sha256(f"{name} {index}".encode()).hexdigest() for name in "up")
        score, label = float(random.beta(20, 1)), str(random.choice(labels))
        rest = (1 - score) / (len(labels) - 1)
        candidates = sorted(
            (Candidate(name, score if name == label else rest) for name in labels), key=lambda item: -item.score
        )
        classification = Classification(
            label, score, tuple(candidates), needs_review=score < 0.9, is_unfamiliar=False, signals=signals_of(random)
        )
        image = ImageFacts(73_000, "image/jpeg", upload_id, "uploads", f"{index}.jpg", index, "jpeg", 640, 480)
        prediction = Prediction(
            *(prediction_id, upload_id, at, classification, image, f"gs://archive/{upload_id}.jpg", model),
            *(Call(Source.EVENT, at, event_id=str(index)), Times(read_ms=1.0, total_ms=10.0)),
        )
        labelled = None
        if upload_id < bound:
            truth = label if random.uniform() < 0.95 else labels[0]
            labelled = label_row(Correction(f"label {index}", prediction_id, truth, None, at + timedelta(hours=1)))
        yield prediction_row(prediction, at), labelled


def fill(client: bigquery.Client, bundle: Bundle, first: int, end: int) -> None:
    """Load rows into the warehouse."""
    for begin in range(first, end, AT_ONCE):
        rows = list(rows_of(bundle, begin, min(end, begin + AT_ONCE)))
        tables: dict[str, list[Row]] = {
            "predictions": [row for row, _ in rows],
            "labels": [label for _, label in rows if label is not None],
        }
        for table, content in tables.items():
            if content and (errors := client.insert_rows_json(f"{PROJECT}.{DATASET}.{table}", content)):
                raise SystemExit(f"{table} refused {len(errors)} rows: {errors[0]}")


def measured(url: str, folder: Path) -> tuple[float, float, dict[str, Any]]:
    """Return seconds and MiB of a fresh process that judges all rows, and what it concluded."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_judge, (url, folder))


def _judge(url: str, folder: Path) -> tuple[float, float, dict[str, Any]]:
    bundle, warehouse = load_bundle(folder), BigQuery(PROJECT, DATASET, 300, endpoint=url)
    began = time.perf_counter()
    judgement = judge(warehouse, bundle, SINCE, UNTIL)
    took_s = time.perf_counter() - began
    facts = {
        "rows": judgement.rows,
        "compared": len(judgement.window.pictures),
        "audited": judgement.verdict.audit.pictures,
        "state": str(judgement.verdict.state),
    }
    return took_s, most_mib("self"), facts


def most_mib(process_id: int | str) -> float:
    """Return the most memory that a process ever had."""
    status = Path(f"/proc/{process_id}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and exit with 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000], help="ascending")
    chosen = parser.parse_args(arguments)
    console, results = Console(stderr=True), []
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} cores\n\n"
        "| rows | compared | audited | verdict | seconds | MiB of the process | MiB of the warehouse |\n"
        "|---:|---:|---:|---|---:|---:|---:|"
    )
    with tempfile.TemporaryDirectory(prefix="bucketlens-judged-") as name:
        bundle = drawn_bundle(Path(name) / "bundle")
        with warehouse_process(Path(name) / "warehouse") as (process_id, url), client_of(url) as client:
            loaded = 0
            for rows in chosen.rows:
                console.log(f"loading {rows - loaded} rows")
                fill(client, bundle, loaded, rows)
                loaded = rows
                rounds = [measured(url, bundle.folder) for _ in range(ROUNDS)]
                took_s = statistics.median(seconds for seconds, _, _ in rounds)
                mib, facts = max(mib for _, mib, _ in rounds), rounds[0][2]
                results.append((rows, took_s, mib))
                cells = (f"{facts['rows']:,}", f"{facts['compared']:,}", facts["audited"], facts["state"])
                figures = (f"{took_s:.2f}", f"{mib:.0f}", f"{most_mib(process_id):.0f}")
                print(f"| {' | '.join(map(str, (*cells, *figures)))} |", flush=True)
    (few, short_s, _), (many, long_s, mib) = results[0], results[-1]
    print(f"\n{many / few:.1f} times the rows take {long_s / short_s:.1f} times the time; {mib:.0f} MiB of {MAX_MIB}.")
    raise SystemExit(long_s / short_s > many / few or mib > MAX_MIB)


if __name__ == "__main__":
    main()
