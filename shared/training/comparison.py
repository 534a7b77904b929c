"""Compare bundles by accuracy, calibration, latency, size and price, and find their Pareto set."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.bundles.bundle import Bundle
from shared.errors import Permanent
from shared.inference.classifier import Classifier
from shared.inference.from_bytes import classify_bytes
from shared.training.intervals import share_interval
from shared.training.report import Report, measure

USD_A_VCPU_SECOND, USD_A_GIB_SECOND, USD_A_MILLION_REQUESTS = 0.000024, 0.0000025, 0.40
"""Cloud Run, request-based billing, tier 1 regions, beyond the free tier (https://cloud.google.com/run/pricing)."""

VCPUS, MEMORY_GIB = 1.0, 0.5
"""The instance of the price."""

TIMED = 100
"""Number of pictures that are timed for the median."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A bundle's line of a comparison."""

    bundle: Bundle
    report: Report
    milliseconds: float
    """Median of decoding, fitting and classifying one picture on one thread of this machine."""
    megabytes: float
    """Size of the served files."""

    @property
    def name(self) -> str:
        """The folder's name, such as ``flowers_v1``, since two bundles may share name and version."""
        return self.bundle.folder.resolve().name

    @property
    def usd_a_million(self) -> float:
        """US dollars for a million images on busy instances that are as fast as this machine.

        Store, warehouse and network cost the same for every bundle and are not included.
        """
        seconds = self.milliseconds / 1000 * 1_000_000
        return seconds * (VCPUS * USD_A_VCPU_SECOND + MEMORY_GIB * USD_A_GIB_SECOND) + USD_A_MILLION_REQUESTS

    def as_json(self) -> dict[str, Any]:
        """Return the line as ``bucketlens compare --json`` prints it."""
        manifest = self.bundle.manifest
        binary = {} if self.report.binary is None else self.report.binary.as_json()
        return {
            "bundle": manifest.name,
            "version": manifest.version,
            "digest": self.bundle.digest,
            "network": manifest.lineage.get("network"),
            "size_px": [manifest.input.width_px, manifest.input.height_px],
            "images": self.report.images,
            "accuracy": self.report.accuracy,
            "accuracy_interval": list(share_interval(self.report.accuracy, self.report.images)),
            "ece": self.report.ece,
            "nll": self.report.nll,
            **binary,
            "milliseconds": round(self.milliseconds, 2),
            "megabytes": round(self.megabytes, 2),
            "usd_a_million_images": round(self.usd_a_million, 2),
        }


def compare(
    classifier: Classifier,
    files: Sequence[tuple[Path, str]],
    on_done: Callable[[], None],
    report: Report | None = None,
) -> Compared:
    """Measure one bundle.

    Args:
        classifier: the bundle's classifier.
        files: each with its true label, one of the bundle's; the same for every bundle.
        on_done: called after each file that is classified.
        report: the report on these files, if known from out-of-fold predictions; None classifies them.

    Raises:
        Misconfigured: no file decodes.
    """
    bundle = classifier.bundle
    if report is None:
        report = measure(classifier, files, on_done, threads=1)[0]
    size_bytes = sum((bundle.folder / name).stat().st_size for name in bundle.manifest.files)
    return Compared(bundle, report, _milliseconds(classifier, files), size_bytes / 1e6)


def pareto_set(compared: Sequence[Compared]) -> list[Compared]:
    """Return the bundles for which no other is as accurate, as fast and as small, and better in one of these."""

    def facts(line: Compared) -> tuple[float, float, float]:
        return (line.report.accuracy, -line.milliseconds, -line.megabytes)

    def beats(other: Compared, line: Compared) -> bool:
        pairs = list(zip(facts(other), facts(line), strict=True))
        return all(others >= own for others, own in pairs) and any(others > own for others, own in pairs)

    return [line for line in compared if not any(beats(other, line) for other in compared)]


def as_markdown(compared: Sequence[Compared], about: str) -> str:
    """Return the table as Markdown, the Pareto set in bold, with what it was measured on.

    Args:
        compared: at least one.
        about: a sentence on the pictures and the machine.
    """
    best = pareto_set(compared)
    two = all(line.report.binary is not None for line in compared)
    columns = ["bundle", "network", "px", "accuracy (95 %)", *(["AUC"] if two else []), "calibration error"]
    columns += ["negative log-likelihood", "ms an image", "MB", "USD a million images"]
    lines = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    for line in compared:
        cells = [f"**{line.name}**" if line in best else line.name, *cells_of(line, two)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", about, "", PARETO, ""])


PARETO = "In bold the Pareto set: none of the others is at least as accurate, as quick and as small, and better in one."


def cells_of(line: Compared, two: bool) -> list[str]:
    """Return a line's cells except the name; ``two``: with the area under the ROC curve."""
    auc = line.report.binary.auc if line.report.binary else None
    low, high = share_interval(line.report.accuracy, line.report.images)
    return [
        str(line.bundle.manifest.lineage.get("network", "unknown")),
        str(line.bundle.manifest.input.width_px),
        f"{line.report.accuracy:.2%} ({low:.1%} to {high:.1%})",
        *([("unknown" if auc is None else f"{auc:.4f}")] if two else []),
        f"{line.report.ece:.4f}",
        f"{line.report.nll:.4f}",
        f"{line.milliseconds:.1f}",
        f"{line.megabytes:.1f}",
        f"{line.usd_a_million:.2f}",
    ]


def _milliseconds(classifier: Classifier, files: Sequence[tuple[Path, str]]) -> float:
    """Return the median; pictures that do not decode are skipped."""
    step = max(1, len(files) // TIMED)
    contents = [path.read_bytes() for path, _ in files[::step][:TIMED]]
    classifier.warm_up()
    times = []
    for content in contents:
        started = time.perf_counter()
        try:
            classify_bytes(classifier, content)
        except Permanent:
            continue
        times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times) if times else 0.0
