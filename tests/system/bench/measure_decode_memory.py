"""Print how much memory a decode takes at its peak, by format: what ``decode_cost.BYTES_PER_PIXEL`` is rounded up from.

python -m tests.system.bench.measure_decode_memory
"""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from pillow_heif import register_heif_opener

from shared.images.decode import EXTENSIONS
from shared.images.decode_in_process import decode
from shared.images.headers.decode_cost import BYTES_PER_PIXEL
from shared.images.memory_budget import UNLIMITED

register_heif_opener()
WIDTH_PX, HEIGHT_PX = 4000, 3000
MODEL_EDGE_PX = 224


def content_of(format: str) -> bytes:
    """Return a picture of 12 megapixels with the detail of a photograph: noise over a gradient."""
    random = np.random.default_rng(7)
    ramp = np.linspace(0, 200, WIDTH_PX, dtype=np.float32)[None, :, None]
    pixels = (ramp + random.integers(0, 56, (HEIGHT_PX, WIDTH_PX, 3))).astype(np.uint8)
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, format.upper())
    return content.getvalue()


def grown_mb(format: str) -> float:
    """Return by how many MB the peak memory of this process grows while it decodes one picture."""
    content = sys.stdin.buffer.read()
    decode(_small(format), 1 << 30, 16, UNLIMITED)  # what is loaded lazily is loaded now
    before = peak_mb()
    decode(content, 1 << 30, MODEL_EDGE_PX, UNLIMITED)
    return peak_mb() - before


def peak_mb() -> float:
    """Return the highest resident memory of this process; Linux, proc(5)."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def _small(format: str) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (64, 64)).save(content, format.upper())
    return content.getvalue()


def main() -> None:
    """Print a line for each format, measured in a process of its own."""
    if len(sys.argv) > 1:
        print(grown_mb(sys.argv[1]))
        return
    print(f"{'format':8} {'peak MB':>8} {'bytes/pixel':>12} {'budgeted':>9}   ({WIDTH_PX} x {HEIGHT_PX} px)")
    for format in EXTENSIONS:
        command = [sys.executable, "-m", "tests.system.bench.measure_decode_memory", format]
        done = subprocess.run(command, input=content_of(format), capture_output=True, check=True)
        peak = float(done.stdout)
        per_pixel = peak * 2**20 / (WIDTH_PX * HEIGHT_PX)
        print(f"{format:8} {peak:8.0f} {per_pixel:12.1f} {BYTES_PER_PIXEL[format]:9}")


if __name__ == "__main__":
    main()
