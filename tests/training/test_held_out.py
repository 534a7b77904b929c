"""``--held-out``: the pictures that a bundle was not trained on follow from its lineage."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from shared.bundles.bundle import load_bundle
from shared.bundles.folders import MODELS
from shared.bundles.manifest import Manifest
from shared.errors import Misconfigured
from shared.training.dataset import read_dataset
from shared.training.held_out import held_out_files
from shared.training.splits import BY_ORDER, BY_THRESHOLD, split


def _trained_on(shapes: Path, share: float, **options: object) -> Manifest:
    """A manifest whose lineage is that of a training on the shapes."""
    lineage = {
        "data": {"fingerprint": read_dataset(shapes).fingerprint},
        "options": {"validation_share": share, **options},
    }
    return dataclasses.replace(load_bundle(MODELS / "flowers_v1").manifest, lineage=lineage)


@pytest.mark.parametrize("rule", [BY_THRESHOLD, BY_ORDER])
def test_held_out_files_are_those_of_training(shapes: Path, rule: str) -> None:
    """Bundles made before there was a rule by threshold name none, and keep theirs."""
    training, validation = split(read_dataset(shapes).examples, 0.25, rule=rule)
    made = _trained_on(shapes, 0.25)
    if rule == BY_THRESHOLD:
        data = {**made.lineage["data"], "split": rule}
        made = dataclasses.replace(made, lineage={**made.lineage, "data": data})

    files = held_out_files(shapes, [made])

    assert sorted(files) == sorted((example.path, example.label) for example in validation)
    assert not {path for path, _ in files} & {example.path for example in training}


def test_held_out_files_of_two_bundles_are_unseen_by_both(shapes: Path) -> None:
    fewer = held_out_files(shapes, [_trained_on(shapes, 0.1)])
    both = held_out_files(shapes, [_trained_on(shapes, 0.25), _trained_on(shapes, 0.1)])

    assert both == fewer


def test_held_out_files_keep_groups_together(shapes: Path) -> None:
    together = held_out_files(shapes, [_trained_on(shapes, 0.25, group_by="^[0-9]")])

    starts = {(label, path.name[0]) for path, label in together}
    everything = [(path, label) for label in ("disc", "square") for path in (shapes / label).glob("[0-9]*.png")]
    assert {path for path, _ in together} >= {path for path, label in everything if (label, path.name[0]) in starts}


def test_held_out_refuses_a_folder_of_other_pictures(shapes: Path) -> None:
    other = dataclasses.replace(
        _trained_on(shapes, 0.25), lineage={"data": {"fingerprint": "0" * 64}, "options": {"validation_share": 0.1}}
    )

    with pytest.raises(Misconfigured, match="fingerprint 000000000000"):
        held_out_files(shapes, [other])


def test_held_out_refuses_a_bundle_without_its_lineage(shapes: Path) -> None:
    silent = dataclasses.replace(_trained_on(shapes, 0.25), lineage={})

    with pytest.raises(Misconfigured, match="does not name the pictures"):
        held_out_files(shapes, [silent])


def test_held_out_refuses_an_unknown_split_rule(shapes: Path) -> None:
    made = _trained_on(shapes, 0.25)
    later = dataclasses.replace(
        made, lineage={**made.lineage, "data": {**made.lineage["data"], "split": "by moonlight"}}
    )

    with pytest.raises(Misconfigured, match="by the rule 'by moonlight'"):
        held_out_files(shapes, [later])


def test_held_out_files_of_a_bundle_in_folds_are_all(shapes: Path) -> None:
    made = _trained_on(shapes, 0.25)
    folds = dataclasses.replace(made, lineage={"data": made.lineage["data"], "options": {}, "folds": {"count": 3}})

    assert len(held_out_files(shapes, [folds])) == len(read_dataset(shapes).examples)
    assert held_out_files(shapes, [folds, made]) == held_out_files(shapes, [made])
