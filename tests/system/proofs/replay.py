"""Replay some days of uploads with a shift, and print what monitoring concluded on which day.

python -m tests.system.proofs.replay BUNDLE DATA [--condition grey] [--shift-on 20] [--picture PNG] [--pages FOLDER]

Each day, other pictures of DATA arrive, of which the bundle's profile is not: a copy of the bundle gets one of the
pictures that do not arrive. From a day on, they arrive under a condition. They go the way of a request, from bytes to
row, and at the end of each day the rows of some days are judged and the verdict is recorded, as the schedule does it.
"""

from __future__ import annotations

import argparse
import io
import shutil
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import numpy as np
import PIL.Image
from rich.console import Console
from rich.progress import track

from shared.bundles.bundle import Bundle, load_bundle
from shared.cli.bundle_names import folder_of
from shared.images.decode import Limits, decode
from shared.importing.profile_bundle import profile_bundle
from shared.inference.classifier import Classifier
from shared.monitoring.judge import judge, record_verdict
from shared.monitoring.reference import made_at
from shared.reporting.verdict_page import verdict_page
from shared.training.dataset import Example, read_dataset
from shared.training.silence import silence
from shared.wiring import load_model
from tests.memory.warehouse import MemoryWarehouse
from tests.system.proofs.arrivals import Arrivals, Picture
from tests.system.proofs.conditions import CONDITIONS, NONE, change
from tests.system.proofs.days import JudgedDay, table_of
from tests.system.proofs.days_picture import draw_days

SMALLEST_PX = 32
"""Pictures are read no larger than this, since only their bytes count, and that they decode."""


class Silent:
    """A ``profile_bundle.Watcher`` that shows nothing."""

    def on_step(self, what: str) -> None:
        """Show nothing."""

    def on_pictures(self, what: str, total: int) -> None:
        """Show nothing."""

    def on_picture(self) -> None:
        """Show nothing."""

    def on_remark(self, remark: str) -> None:
        """Show nothing."""


def replay(
    bundle: Bundle, days: Sequence[Sequence[Picture]], warehouse: MemoryWarehouse, window_days: int
) -> list[JudgedDay]:
    """Let pictures arrive day by day, and judge the rows of the last days at the end of each day.

    The first day begins at the first midnight after the model was made.

    Args:
        bundle: with a profile.
        days: the pictures of each day.
        warehouse: empty; gets the rows and the verdicts.
        window_days: days of a window.

    Returns:
        What was concluded at the end of each day.
    """
    made = made_at(bundle) or datetime(2026, 1, 1, tzinfo=UTC)
    first = datetime.combine(made.date() + timedelta(days=1), time(), UTC)
    with silence():
        arrivals = Arrivals(Classifier(bundle, load_model(bundle, threads=2)), warehouse)
    judged, right = [], list[list[bool]]()
    for number, pictures in enumerate(track(days, "replaying", console=Console(stderr=True)), start=1):
        morning = first + timedelta(days=number - 1)
        evening = morning + timedelta(days=1)
        right.append(arrivals.arrive(pictures, morning))
        judgement = judge(warehouse, bundle, max(first, evening - timedelta(days=window_days)), evening)
        record_verdict(judgement, warehouse, actor="replay", at=evening)
        truths = [is_right for day in right[-window_days:] for is_right in day]
        judged.append(JudgedDay(number, judgement, float(np.mean(truths)) if truths else None))
    return judged


def profiled_copy(folder: Path, examples: Sequence[Example], scratch: Path) -> Bundle:
    """Return a copy of a bundle whose profile is of these pictures, as ``bucketlens bundle profile`` makes it."""
    copy, data = scratch / "bundle", scratch / "reference"
    shutil.copytree(folder, copy)
    for index, example in enumerate(examples):
        link = data / example.label / f"{index:06d}{example.path.suffix}"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(example.path.resolve())
    return profile_bundle(copy, data, "", True, Silent())


def picture_of(example: Example, condition: str) -> Picture:
    """Return a file: as it is, or as a PNG of what a condition makes of it."""
    content = example.path.read_bytes()
    if condition != NONE:
        changed = change(decode(content, Limits()).pixels, condition)
        PIL.Image.fromarray(changed).save(png := io.BytesIO(), "png", compress_level=1)
        content = png.getvalue()
    return Picture(content, example.label)


def main(arguments: Sequence[str] | None = None) -> None:
    """Replay, and print a table of the days."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", help="a bundle's name or folder")
    parser.add_argument("data", type=Path, help="photographs, in a sub-folder for each label")
    parser.add_argument("--condition", choices=tuple(CONDITIONS), default="grey")
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--shift-on", type=int, default=20, help="the first day of the condition")
    parser.add_argument("--a-day", type=int, default=40, help="pictures of a day")
    parser.add_argument("--window-days", type=int, default=3, help="days that are judged together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--picture", type=Path, help="a PNG of the days")
    parser.add_argument("--pages", type=Path, help="a folder for the page of each day's verdict")
    chosen = parser.parse_args(arguments)
    folder = folder_of(chosen.bundle)
    labels = set(load_bundle(folder).manifest.labels)
    examples = read_dataset(chosen.data, shrink_to_px=SMALLEST_PX).examples
    arriving = chosen.days * chosen.a_day
    if {example.label for example in examples} - labels or len(examples) < 2 * arriving:
        parser.error(f"{len(examples)} pictures in {chosen.data}, expected {2 * arriving} with labels of the model")
    order = np.random.default_rng(chosen.seed).permutation(len(examples))
    with tempfile.TemporaryDirectory(prefix="bucketlens-replay-") as name:
        bundle = profiled_copy(folder, [examples[index] for index in order[arriving:]], Path(name))
        warehouse = MemoryWarehouse(Path(name) / "warehouse")
        days = [
            [
                picture_of(examples[index], chosen.condition if day >= chosen.shift_on else NONE)
                for index in order[(day - 1) * chosen.a_day : day * chosen.a_day]
            ]
            for day in range(1, chosen.days + 1)
        ]
        judged = replay(bundle, days, warehouse, chosen.window_days)
        warehouse.close()
    print(
        f"{bundle.manifest.name} {bundle.manifest.version}; {chosen.a_day} pictures a day, judged over "
        f"{chosen.window_days} days; {chosen.condition} from day {chosen.shift_on} on; the profile is of "
        f"{len(examples) - arriving} other pictures.\n"
    )
    print(table_of(judged))
    if chosen.picture:
        draw_days(judged, chosen.shift_on, f"{chosen.condition} from day {chosen.shift_on} on", chosen.picture)
    if chosen.pages:
        chosen.pages.mkdir(parents=True, exist_ok=True)
        for day in judged:
            (chosen.pages / f"day-{day.number:02}.html").write_text(verdict_page(day.judgement), "utf-8")


if __name__ == "__main__":
    main()
