"""Screen recipes of training on one division of the pictures, and compare them picture by picture.

python -m tests.system.proofs.recipes train DATA OUT [--set NAME=VALUE ...] [--sizes PX ...] [--shares SHARE ...]
python -m tests.system.proofs.recipes table OUT OUT ...

`train` learns from 60 % of the pictures and judges the others, by the last epoch; all recipes get the same division, by
content. What costs no training is read off the same run: mixes with a linear probe, sizes to serve at, int8, and with
two labels the harder conditions. It resumes after its last complete epoch. `table` compares each line with the first
one of the first folder. Names and values of --set are those of `Recipe` and `Augmentation`.

Example:
    python -m tests.system.proofs.recipes train flowers/ screened/base
    python -m tests.system.proofs.recipes train flowers/ screened/plain --set mixup=0 erase=0
    python -m tests.system.proofs.recipes table screened/base screened/plain
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shared.cli.train import GROUP_BY
from shared.training.calibration import best_temperature, losses_of

JUDGED_SHARE = 0.4
RESULT, FACTS = "logits.npz", "facts.json"

Logits = npt.NDArray[np.floating[Any]]


def main() -> None:
    """Train a recipe, or print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    train = commands.add_parser("train")
    train.set_defaults(run=lambda given: screen(given.data, given.out, given.set, given.sizes, given.shares))
    train.add_argument("data", type=Path)
    train.add_argument("out", type=Path)
    train.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE")
    train.add_argument("--sizes", nargs="*", type=int, default=[], metavar="PX")
    train.add_argument("--shares", nargs="*", type=float, default=[], metavar="SHARE")
    table = commands.add_parser("table")
    table.set_defaults(run=lambda given: print("\n".join(lines(given.screened))))
    table.add_argument("screened", nargs="+", type=Path)
    given = parser.parse_args()
    given.run(given)


def screen(data: Path, out: Path, changes: Sequence[str], sizes: Sequence[int], shares: Sequence[float]) -> None:
    """Train one recipe, or resume it, and write its outputs for the pictures that it did not learn from."""
    from shared.training.batches import targets_of
    from shared.training.choices import DECIDED_BY_DATA, in_grey, recipe_for
    from shared.training.dataset import read_dataset
    from shared.training.export import harder_logits, int8_model, served_logits
    from shared.training.fit import fit, identity_of, predicted, prepared
    from shared.training.mix import between, probe_weights
    from shared.training.network import resized
    from shared.training.splits import split

    dataset = read_dataset(data)
    changed = {name: _value(text) for name, _, text in (change.partition("=") for change in changes)}
    recipe = recipe_for({**dict.fromkeys(DECIDED_BY_DATA), **changed}, dataset)
    dataset = in_grey(dataset) if recipe.grey else dataset
    training, judged = split(dataset.examples, JUDGED_SHARE, GROUP_BY)
    print(f"{len(training)} pictures to learn from, {len(judged)} to judge; {recipe}", flush=True)
    network, history = fit(
        training,
        [],
        dataset.labels,
        recipe,
        folder=out,
        identity=identity_of(recipe, dataset.fingerprint, JUDGED_SHARE, GROUP_BY),
        on_epoch=lambda epoch: print(f"epoch {epoch.number}: loss {epoch.loss:.3f}, {epoch.seconds:.0f} s", flush=True),
    )
    edge, batch = recipe.image_size, recipe.batch_size
    pixels = prepared(judged, recipe.input_spec(edge))
    logits: dict[str, Logits] = {f"{edge} px": predicted(network, pixels, batch)}
    tuned = network.get_weights()
    if shares:
        probe = probe_weights(training, dataset.labels, recipe)
        for share in shares:
            network.set_weights(between(probe, tuned, share))
            logits[f"{edge} px, {share:g} of the weights, else a probe's"] = predicted(network, pixels, batch)
        network.set_weights(tuned)
    for size in sizes:
        larger = prepared(judged, recipe.input_spec(size))
        logits[f"{size} px"] = predicted(resized(network, size), larger, batch)
    model = int8_model(network, training, recipe.input_spec(edge), out / "model.tflite")[0]
    logits[f"{edge} px, int8"] = served_logits(model, judged, recipe.input_spec(edge))
    if len(dataset.labels) == 2:
        for name, values in harder_logits(model, judged, recipe.input_spec(edge)).items():
            logits[f"{edge} px, int8, {name}"] = values
    np.savez(out / RESULT, targets=targets_of(judged, dataset.labels), **logits)  # type: ignore[arg-type]
    facts = {"set": list(changes), "minutes": round(sum(epoch.seconds for epoch in history) / 60)}
    (out / FACTS).write_text(json.dumps({**facts, "judged": [example.sha256 for example in judged]}), "utf-8")


def lines(folders: Sequence[Path]) -> Iterator[str]:
    """Yield the lines of the table, Markdown: accuracy and loss of each, and the difference from the first line.

    The differences are paired: of the loss with its standard error, of the accuracy with the numbers of pictures that
    only one of the two got right, and McNemar's exact test on them.
    """
    yield "| recipe | judged at | minutes | accuracy | loss | difference of loss | only here, only there right | p |"
    yield "|---|---|---|---|---|---|---|---|"
    first: tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]] | None = None
    judged: list[str] = []
    for folder in folders:
        facts = json.loads((folder / FACTS).read_text("utf-8"))
        judged = judged or facts["judged"]
        if judged != facts["judged"]:
            sys.exit(f"{folder} was judged on other pictures than {folders[0]}; screen both on the same data.")
        with np.load(folder / RESULT, allow_pickle=False) as file:
            outputs = {name: file[name] for name in file.files}
        targets = outputs.pop("targets")
        for name, logits in outputs.items():
            losses = losses_of(logits, targets, best_temperature(logits, targets))
            right = logits.argmax(axis=1) == targets
            first = first or (losses, right)
            more, better, worse = losses - first[0], int((right & ~first[1]).sum()), int((first[1] & ~right).sum())
            error = float(more.std(ddof=1) / np.sqrt(len(more)))
            yield (
                f"| {' '.join(facts['set']) or 'as by default'} | {name} | {facts['minutes']} | "
                f"{_percent(right)} | {losses.mean():.4f} | {more.mean():+.4f} ± {error:.4f} | {better}, {worse} | "
                f"{_mcnemar(better, worse):.2f} |"
            )


def _mcnemar(better: int, worse: int) -> float:
    """Return the two-sided p-value of a coin that falls so unequally."""
    tosses, fewer = better + worse, min(better, worse)
    fewer_or_equal = sum(math.comb(tosses, heads) for heads in range(fewer + 1))
    return min(1.0, float(2 * fewer_or_equal / 2**tosses))


def _percent(right: npt.NDArray[np.bool_]) -> str:
    share = float(right.mean())
    return f"{share:.1%} ± {np.sqrt(share * (1 - share) / len(right)):.1%}"


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


if __name__ == "__main__":
    main()
