"""Print what monitoring finds in photographs under each condition, how often it alarms for nothing, and its band.

python -m tests.system.proofs.monitoring BUNDLE DATA [--foreign DATA] [--keep FOLDER] [--parts all unseen …]

DATA is the folder that the bundle was made from, so that windows are of pictures that its model was not trained on; or
other pictures with the same labels. Each draw makes a window, and a reference of other pictures, and judges the window
by ``shared.monitoring`` as it ships. The parts are

- ``all``: references of all other pictures of DATA;
- ``unseen``: of the other pictures that windows are drawn from;
- ``mixtures``: a few pictures of another domain in a window, by the size of the reference;
- ``trained``: the accuracy is estimated by pictures that the model was trained on.

With OPENBLAS_NUM_THREADS=1 a draw takes half the processor time. Exit code: 0, every bar holds; 1, one does not.
"""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress

from shared.bundles.bundle import Bundle, load_bundle
from shared.cli.bundle_names import folder_of
from tests.system.proofs.bars import Bar, bars_of
from tests.system.proofs.conditions import CONDITIONS, NONE
from tests.system.proofs.draws import ALL_OTHERS, TRAINED_ON, UNSEEN_OTHERS, Design, Drawn, draw
from tests.system.proofs.figures import ConditionFigures, figures_of
from tests.system.proofs.observed import FOREIGN, Photographs, photographs

SIZE, MIXED_SIZE, MIXED_SHARE, LEAST_MIXED = 100, 200, 0.05, 0.9
REFERENCE_SIZES = (100, 257, 450, 1000, 2000)
"""Pictures of a reference: a split of one in ten leaves 257 of 2,569, and a profile keeps 2,000 at most."""

ENOUGH = 450
"""Pictures of a reference from which on a few strange ones must be found."""

DESIGNS = {"all": ALL_OTHERS, "unseen": UNSEEN_OTHERS}
PARTS = (*DESIGNS, "mixtures", "trained")

Draws = Callable[[Design, str, int, int, int], list[Drawn]]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and exit with 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", help="a bundle's name or folder")
    parser.add_argument("data", type=Path, help="photographs, in a sub-folder for each label")
    parser.add_argument("--foreign", type=Path, help="photographs of another domain, in sub-folders")
    parser.add_argument("--keep", type=Path, help="a folder for what the model gives, so that it runs once")
    parser.add_argument("--draws", type=int, default=200, help="windows of each condition")
    parser.add_argument("--drift-free", type=int, default=1000, help="windows without drift")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    chosen = parser.parse_args(arguments)
    console = Console(stderr=True)
    bundle = load_bundle(folder_of(chosen.bundle))
    pictures = photographs(bundle, chosen.data, chosen.foreign, chosen.keep, console.log)
    print(_heading(bundle, pictures, chosen.seed))
    with Progress(console=console) as progress:

        def drawn(design: Design, condition: str, size: int, foreign: int, draws: int) -> list[Drawn]:
            windows = draw(pictures, design, condition, size, foreign, draws, chosen.seed)
            return list(progress.track(windows, total=draws, description=f"{condition}, {size} of {design.name}"))

        bars = [
            bar
            for part, design in DESIGNS.items()
            if part in chosen.parts
            for bar in _by_condition(pictures, design, drawn, chosen)
        ]
        if "mixtures" in chosen.parts:
            bars += _mixtures(pictures, drawn, chosen.draws)
        if "trained" in chosen.parts and pictures.are_unseen and len(pictures.windows) < len(pictures.whole):
            _trained_on(drawn, max(1, chosen.draws // 4))
    print("\n".join(["", "| bar | measured | holds |", "|---|---|---|", *map(str, bars)]))
    raise SystemExit(not all(bar.holds for bar in bars))


def _heading(bundle: Bundle, pictures: Photographs, seed: int) -> str:
    made = f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} cores, seed {seed}"
    kind = (
        "that the model was not trained on"
        if pictures.are_unseen
        else "that the model WAS trained on: accuracy and scores are better than those of new pictures"
    )
    return (
        f"{bundle.manifest.name} {bundle.manifest.version}; {made}. {len(pictures.whole)} pictures; windows are drawn "
        f"from {len(pictures.windows)} of them, {kind}."
    )


def _by_condition(pictures: Photographs, design: Design, drawn: Draws, chosen: argparse.Namespace) -> Iterable[Bar]:
    figures = [
        figures_of(
            condition, drawn(design, condition, SIZE, 0, chosen.drift_free if condition == NONE else chosen.draws)
        )
        for condition in CONDITIONS
    ]
    if pictures.foreign is not None:
        few = round(SIZE * MIXED_SHARE)
        figures.append(figures_of(FOREIGN, drawn(design, NONE, SIZE, SIZE, chosen.draws)))
        figures.append(figures_of(f"{MIXED_SHARE:.0%} of {FOREIGN}", drawn(design, NONE, SIZE, few, chosen.draws)))
    print("\n".join(["", f"Windows of {SIZE}; the reference: {design.name}, {figures[0].reference}.", ""]))
    print("\n".join([*ConditionFigures.HEADER, *map(str, figures)]))
    return bars_of(figures, design.name)


def _mixtures(pictures: Photographs, drawn: Draws, draws: int) -> list[Bar]:
    """Print how often a few pictures of another domain are found, by the size of the reference."""
    if pictures.foreign is None:
        return []
    few, bars = round(MIXED_SIZE * MIXED_SHARE), []
    print("\n".join(["", f"{few} pictures of {FOREIGN} among {MIXED_SIZE}.", ""]))
    print("| pictures of the reference | found | by novelty | false alarms without them |\n|---:|---:|---:|---:|")
    for size in REFERENCE_SIZES:
        design = replace(ALL_OTHERS, most=size)
        mixed = [result.subjects for result in drawn(design, NONE, MIXED_SIZE, few, draws)]
        pure = [result.subjects for result in drawn(design, NONE, MIXED_SIZE, 0, draws)]
        share = float(np.mean([bool(subjects) for subjects in mixed]))
        by_novelty = float(np.mean(["novelty" in subjects for subjects in mixed]))
        alarms = float(np.mean([bool(subjects) for subjects in pure]))
        print(f"| {size:,} | {share:.1%} | {by_novelty:.1%} | {alarms:.1%} |")
        if size >= ENOUGH:
            words = f"{few} of {FOREIGN} among {MIXED_SIZE} found in ≥ {LEAST_MIXED:.0%}; {size:,} reference pictures"
            bars.append(Bar(words, share, share >= LEAST_MIXED))
    return bars


def _trained_on(drawn: Draws, draws: int) -> None:
    """Print what happens where the accuracy is estimated by pictures that the model was trained on."""
    print("\n".join(["", f"Windows of {SIZE}; the reference: {TRAINED_ON.name}.", ""]))
    print(
        "\n".join(
            [
                *ConditionFigures.HEADER,
                *(str(figures_of(condition, drawn(TRAINED_ON, condition, SIZE, 0, draws))) for condition in CONDITIONS),
            ]
        )
    )


if __name__ == "__main__":
    main()
