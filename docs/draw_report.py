"""Make a periodic report of drawings, classified by the model that ships, and its picture docs/report.png.

python docs/draw_report.py FOLDER

FOLDER gets the report as HTML and as Markdown. The picture needs Chromium; without it the pages alone are written.
"""

from __future__ import annotations

import io
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import sync_playwright  # noqa: E402  # found only now

from shared.inference.classifier import Classifier  # noqa: E402  # found only now
from shared.inference.from_bytes import decode_for  # noqa: E402
from shared.local.demo.drawings import drawings  # noqa: E402
from shared.reporting.period import Period  # noqa: E402
from shared.reporting.periodic import PeriodicReport, make_periodic_report  # noqa: E402
from shared.types import ModelFacts  # noqa: E402
from shared.wiring import load_model  # noqa: E402
from tests.environments import Impossible  # noqa: E402
from tests.memory.object_store import MemoryStore  # noqa: E402
from tests.memory.warehouse import MemoryWarehouse  # noqa: E402
from tests.monitoring.profiled import profiled_copy  # noqa: E402
from tests.reporting.period_rows import ARCHIVE, LAST_DAY, MADE_AT, PeriodRows, jpeg  # noqa: E402
from tests.system.page.chromium import chromium  # noqa: E402

PICTURES = 240
DAYS = 30
SIZE_PX = (1000, 1250)


def drawn_report(folder: Path) -> PeriodicReport:
    """Classify variants of the drawings, as if they came in 30 days, and return their report.

    Args:
        folder: gets the warehouse, and a bundle with a profile of such variants.
    """
    warehouse, store = MemoryWarehouse(folder / "warehouse"), MemoryStore()
    store.create_bucket(ARCHIVE)
    rows = PeriodRows(warehouse, store)
    random = np.random.default_rng(7)
    originals = list(drawings().items())
    known = [_variant(originals[number % len(originals)][1], random) for number in range(PICTURES)]
    bundle = profiled_copy(folder / "bundle", known)
    classifier = Classifier(bundle, load_model(bundle, threads=2))
    manifest = bundle.manifest
    model = ModelFacts(manifest.name, manifest.version, bundle.digest, manifest.runtime)
    for number in range(PICTURES):
        truth, drawing = originals[min(int(random.exponential(1.6)), len(originals) - 1)]
        content = _variant(drawing, random) if number % 40 else jpeg(number, (480, 480))
        prediction_id = rows.classified(
            classification=classifier.classify_with_signals(decode_for(classifier, content).pixels),
            content=content,
            day=LAST_DAY - timedelta(days=int(random.integers(DAYS))),
            name=f"garden/{truth}-{number:03}.jpg",
            model=model,
            is_audited=number % 3 == 0,
        )
        if number % 3 == 0:
            rows.labelled(prediction_id, truth)
    for reason, uploads in (("not_an_image", 5), ("damaged_image", 2)):
        for _ in range(uploads):
            rows.failed(reason)
    rows.judged("steady", "No drift in 9 tests.", LAST_DAY - timedelta(days=7), model)
    rows.judged(
        "drifting", "Drift in brightness, harmless so far: the estimated accuracy is above the floor.", model=model
    )
    report = make_periodic_report(warehouse, store, Period.of_days(DAYS, MADE_AT), bundle, made_at=MADE_AT)
    warehouse.close()
    return report


def _variant(drawing: Image.Image, random: np.random.Generator) -> bytes:
    """Return a drawing as another photograph: cut, turned, darker, and with noise."""
    left, top = random.integers(0, 140, 2)
    size = int(random.integers(300, 340))
    part = drawing.crop((left, top, left + size, top + size)).rotate(float(random.uniform(-25, 25)), expand=False)
    pixels = np.asarray(part, np.float32) * random.uniform(0.5, 1.1) + random.normal(0, 6, (size, size, 1))
    content = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(content, "JPEG", quality=88)
    return content.getvalue()


def photograph(html: Path, target: Path) -> None:
    """Write a picture of the top of a page."""
    browser = chromium()
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=browser.executable, args=list(browser.arguments), env=dict(browser.environment)
        )
        page = running.new_page(viewport={"width": SIZE_PX[0], "height": SIZE_PX[1]})
        page.goto(html.resolve().as_uri())
        content = page.screenshot()
        running.close()
    picture = Image.open(io.BytesIO(content)).convert("RGB").quantize(128, dither=Image.Dither.NONE)
    picture.save(target, optimize=True)


def main() -> None:
    """Write the pages, and the picture."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        report = drawn_report(Path(temporary))
    (folder / "report.html").write_text(report.html, "utf-8")
    (folder / "report.md").write_text(report.markdown, "utf-8")
    try:
        photograph(folder / "report.html", ROOT / "docs" / "report.png")
    except Impossible as reason:
        print(f"without a picture: {reason}", file=sys.stderr)


if __name__ == "__main__":
    main()
