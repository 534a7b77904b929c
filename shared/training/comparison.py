"""Bundles side by side: how right, how honest, how quick, how large, how dear, and which of them nothing beats."""

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
"""The instance that the price is of."""

TIMED = 100
"""Pictures that the milliseconds are the median of."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One bundle's line."""

    bundle: Bundle
    report: Report
    milliseconds: float
    """Median of decoding, fitting and classifying one picture on one thread of this machine."""
    megabytes: float
    """Of the files that are served."""

    @property
    def name(self) -> str:
        """The folder's, such as ``flowers_v1``: two bundles may be of one name and version."""
        return self.bundle.folder.resolve().name

    @property
    def usd_a_million(self) -> float:
        """US dollars for a million images on busy instances, if they are as quick as this machine.

        What the store, the warehouse and the network cost is the same for every bundle, and not in it.
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
        classifier: with the bundle inside.
        files: each with its true label, one of the bundle's; the same for every bundle.
        on_done: called after each file that is classified.
        report: what is known of these files already, out of fold; None classifies them.

    Raises:
        Misconfigured: none of the files decodes.
    """
    bundle = classifier.bundle
    if report is None:
        report = measure(classifier, files, on_done, threads=1)[0]
    size_bytes = sum((bundle.folder / name).stat().st_size for name in bundle.manifest.files)
    return Compared(bundle, report, _milliseconds(classifier, files), size_bytes / 1e6)


def pareto_set(compared: Sequence[Compared]) -> list[Compared]:
    """Return what no other beats: none is at least as accurate, as quick and as small, and better in one of these."""

    def facts(one: Compared) -> tuple[float, float, float]:
        return (one.report.accuracy, -one.milliseconds, -one.megabytes)

    def beats(other: Compared, one: Compared) -> bool:
        pairs = list(zip(facts(other), facts(one), strict=True))
        return all(theirs >= ours for theirs, ours in pairs) and any(theirs > ours for theirs, ours in pairs)

    return [one for one in compared if not any(beats(other, one) for other in compared)]


def as_markdown(compared: Sequence[Compared], about: str) -> str:
    """Return the table as Markdown, the Pareto set in bold, with what it was measured on.

    Args:
        compared: at least one.
        about: a sentence on the pictures and the machine.
    """
    best = pareto_set(compared)
    two = all(one.report.binary is not None for one in compared)
    columns = ["bundle", "network", "px", "accuracy (95 %)", *(["AUC"] if two else []), "calibration error"]
    columns += ["negative log-likelihood", "ms an image", "MB", "USD a million images"]
    lines = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    for one in compared:
        cells = [f"**{one.name}**" if one in best else one.name, *cells_of(one, two)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", about, "", PARETO, ""])


PARETO = "In bold the Pareto set: none of the others is at least as accurate, as quick and as small, and better in one."


def cells_of(one: Compared, two: bool) -> list[str]:
    """Return a line's cells but the name; ``two``: with the area under the ROC curve."""
    auc = one.report.binary.auc if one.report.binary else None
    low, high = share_interval(one.report.accuracy, one.report.images)
    return [
        str(one.bundle.manifest.lineage.get("network", "unknown")),
        str(one.bundle.manifest.input.width_px),
        f"{one.report.accuracy:.2%} ({low:.1%} to {high:.1%})",
        *([("unknown" if auc is None else f"{auc:.4f}")] if two else []),
        f"{one.report.ece:.4f}",
        f"{one.report.nll:.4f}",
        f"{one.milliseconds:.1f}",
        f"{one.megabytes:.1f}",
        f"{one.usd_a_million:.2f}",
    ]


def _milliseconds(classifier: Classifier, files: Sequence[tuple[Path, str]]) -> float:
    """The median; a picture that does not decode is passed over."""
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
