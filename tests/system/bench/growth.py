"""Estimate how cost and time grow with the number of images, from measured seconds and list prices.

python -m tests.system.bench.growth 0.02
"""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from pathlib import Path

from shared.operations.cost import CONCURRENCY, IMAGES, MEMORY_GIB, PRICES, VCPUS, Measured, bill

MEASURED = Path(__file__).parents[3] / "docs" / "measured_cost.json"
WITHIN_S = 3600
"""As many instances are used as finish within this time, up to the maximum."""
MOST_INSTANCES = 100
"""The maximum of instances of a function in main.tf."""


def growth_table(seconds_an_image: float) -> str:
    """Return images against instances, minutes and dollars, in Markdown, with what is assumed below it.

    Args:
        seconds_an_image: CPU seconds that the upload function needs for one image, measured; above 0.
    """
    measured = replace(Measured.load(MEASURED), cpu_s=seconds_an_image)
    lines = ["| images | instances | minutes | US dollars | of them compute |", "|---:|---:|---:|---:|---:|"]
    lines += [_line(images, measured) for images in IMAGES]
    return "\n".join([*lines, "", *(f"- {sentence}" for sentence in _assumptions(measured))])


def instances_for(images: int, busy_s: float) -> int:
    """Return how many instances finish ``images`` within an hour, up to the maximum."""
    return min(MOST_INSTANCES, max(1, math.ceil(images * busy_s / WITHIN_S)))


def _line(images: int, measured: Measured) -> str:
    instances, cost = instances_for(images, measured.busy_s), bill(images, measured, alone=False)
    minutes = images * measured.busy_s / instances / 60
    return f"| {images:,} | {instances} | {_rounded(minutes)} | {_rounded(cost.total)} | {_rounded(cost.compute)} |"


def _assumptions(measured: Measured) -> list[str]:
    return [
        f"Seconds: {measured.cpu_s:.4f} CPU seconds of the upload function an image, measured here; "
        f"a core of this machine is taken for a vCPU of Cloud Run.",
        f"Instances: {VCPUS:g} vCPU, {MEMORY_GIB:g} GiB and {CONCURRENCY} images at once each (main.tf), all of them "
        f"busy: {measured.busy_s:.4f} instance seconds an image. So many that it is over within an hour, "
        f"{MOST_INSTANCES} at most; their start is left out.",
        f"Waiting: {measured.wait_s:g} s an image for Cloud Storage and BigQuery, not measured; "
        f"it counts only where {CONCURRENCY} waiting images fill an instance.",
        f"Prices: listed ones (docs/cost.md names source and day), ${PRICES['vcpu_s'].usd:.6f} a vCPU second among "
        "them; nothing is taken off for free amounts, the archive's monthly price is left out.",
    ]


def _rounded(number: float) -> str:
    return "< 0.01" if number < 0.01 else f"{number:.2f}" if number < 10 else f"{number:,.0f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seconds", type=float, help="CPU seconds an image")
    print(growth_table(parser.parse_args().seconds))


if __name__ == "__main__":
    main()
