"""Measure the CPU seconds that the upload function spends on an image, on a local cloud: docs/measured_cost.json.

python docs/measure_cost.py [--images 400]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from shared.adapters.bigquery import BigQuery  # noqa: E402  # found only now
from shared.adapters.gcs import CloudStorage  # noqa: E402
from shared.local.cloud import DATASET, PROJECT, UPLOAD_BUCKET, Cloud, new_cloud  # noqa: E402
from shared.local.demo.drawings import drawings  # noqa: E402
from shared.local.supervisor import Supervisor  # noqa: E402
from shared.operations.upload import drop, wait_for  # noqa: E402
from shared.settings import DEFAULT_BUNDLE  # noqa: E402

FILE = ROOT / "docs" / "measured_cost.json"
WARM_UP = 20
ASSUMED = {"image_bytes": 200_000, "wait_s": 0.25}


def main() -> None:
    """Measure, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=400)
    images = parser.parse_args().images
    with tempfile.TemporaryDirectory() as folder:
        supervisor = Supervisor(new_cloud(Path(folder) / "cloud", DEFAULT_BUNDLE), say=print, sweep_every_s=0)
        try:
            supervisor.start()
            _send(supervisor.cloud, Path(folder), WARM_UP)
            before = _cpu_s(supervisor.cloud)
            _send(supervisor.cloud, Path(folder), images)
            cpu_s = (_cpu_s(supervisor.cloud) - before) / images
        finally:
            supervisor.stop()
    machine = f"{os.cpu_count()} cores of {platform.machine()}"
    measured = {"cpu_s": round(cpu_s, 4), "machine": machine, "on": f"{datetime.now(UTC):%Y-%m-%d}"}
    FILE.write_text(json.dumps(ASSUMED | measured, indent=2, sort_keys=True) + "\n", "utf-8")
    print(f"{measured['cpu_s']} CPU seconds an image; now: make docs")


def _send(cloud: Cloud, folder: Path, images: int) -> None:
    """Upload drawings and wait until every one has its row."""
    paths = []
    for index, drawing in zip(range(images), list(drawings().values()) * images, strict=False):
        path = folder / f"{images}-{index}.jpg"
        drawing.save(path, quality=92)
        paths.append((path, path.name))
    store = CloudStorage(PROJECT, 60, endpoint=cloud.url("storage"))
    warehouse = BigQuery(PROJECT, DATASET, 60, endpoint=cloud.url("warehouse"))
    landed = sum(1 for _ in wait_for(warehouse, list(drop(store, UPLOAD_BUCKET, paths)), 300))
    if landed != images:
        raise SystemExit(f"{landed} of {images} images have their row")


def _cpu_s(cloud: Cloud) -> float:
    """Return the CPU seconds of the upload function so far, all its processes together."""
    process = psutil.Process(int(cloud.children["classify_upload"][0]))
    times = [part.cpu_times() for part in [process, *process.children(recursive=True)]]
    return sum(part.user + part.system for part in times)


if __name__ == "__main__":
    main()
