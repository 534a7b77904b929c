"""Split pictures into training and validation, or into folds, by their content alone; groups stay together."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from shared.errors import Misconfigured
from shared.training.dataset import Example

BY_THRESHOLD, BY_ORDER = "threshold", "order"
"""The rules of a split. ``order`` is the only rule of older bundles, whose manifests name no rule."""

HASH_DIGITS = 13
"""Number of a sha256's digits that give a picture its position: 52 bits, which a float holds exactly."""

MATCH = "match "
"""Prefix of the match that a group's names share, so that it cannot be confused with a file's sha256."""


def split(
    examples: Sequence[Example], validation_share: float, group_by: str = "", rule: str = BY_THRESHOLD
) -> tuple[list[Example], list[Example]]:
    """Divide examples into training and validation by their content alone.

    By threshold: the least sha256 of a group gives it a position between 0 and 1, and the groups below
    ``validation_share`` are held out. So a picture keeps its side when others are added, unless a picture with a lesser
    sha256 joins its group. Where that leaves a label without a picture on a side, its group next to the threshold
    changes sides.
    By order, the rule of older bundles: within each label the groups are ordered by their least sha256, and the first
    are held out until they are ``validation_share`` of it.

    Equal bytes are always on one side, and so are files whose names match, such as pictures of the same patient.

    Args:
        examples: in any order.
        validation_share: 0 to below 1; by threshold of all pictures, as far as chance allows, by order of each label.
        group_by: a regular expression; files with the same match in their names are a group, by order only where they
            have the same label too. A file without a match is its own group.
        rule: ``BY_THRESHOLD`` or ``BY_ORDER``.

    Returns:
        Training and validation pictures, both with every label.

    Raises:
        Misconfigured: a label cannot be on both sides.
    """
    if rule == BY_ORDER:
        return _split_by_order(examples, validation_share, group_by)
    groups = sorted(groups_of(examples, group_by), key=position_of)
    held_out = [position_of(group) < validation_share for group in groups]
    for label in sorted({example.label for example in examples}):
        with_label = [index for index, group in enumerate(groups) if any(example.label == label for example in group)]
        if len(with_label) < 2:
            raise Misconfigured("the data", [_only_one(label, groups[with_label[0]])])
        if not any(held_out[index] for index in with_label):
            held_out[with_label[0]] = True
        elif all(held_out[index] for index in with_label):
            held_out[with_label[-1]] = False
    training = [example for group, out in zip(groups, held_out, strict=True) if not out for example in group]
    validation = [example for group, out in zip(groups, held_out, strict=True) if out for example in group]
    for label in sorted({example.label for example in examples}):
        if not all(any(example.label == label for example in side) for side in (training, validation)):
            fault = f"{label!r} has too few groups of its own to be both trained and validated on; add more"
            raise Misconfigured("the data", [fault])
    return training, validation


def folds_of(examples: Sequence[Example], folds: int, group_by: str = "") -> list[list[Example]]:
    """Divide examples into folds of about the same size by their content alone.

    The least sha256 of a group gives it a position between 0 and 1, which decides its fold, so a picture keeps its fold
    when others are added, unless a picture with a lesser sha256 joins its group.

    Args:
        examples: in any order.
        folds: 2 or more.
        group_by: a regular expression; files with the same match in their names are never in two folds, whatever
            their labels.

    Raises:
        Misconfigured: the pictures are fewer than the folds, a fold is empty, or all pictures of a label are in the
            same fold, so that no picture is left to learn it from.
    """
    if folds < 2:
        fault = f"there are {folds}; 2 or more are needed, so that what judges a picture was not trained on it"
        raise Misconfigured("the folds", [fault])
    labels = sorted({example.label for example in examples})
    if len(examples) < folds:
        raise Misconfigured("the data", [f"{len(examples)} pictures cannot be divided among {folds} folds; add more"])
    groups = groups_of(examples, group_by)
    parts: list[list[Example]] = [[] for _ in range(folds)]
    for group in groups:
        parts[int(position_of(group) * folds)] += group
    faults = []
    for label in labels:
        with_label = [group for group in groups if any(example.label == label for example in group)]
        where = [
            number for number, part in enumerate(parts, start=1) if any(example.label == label for example in part)
        ]
        if len(with_label) < 2:
            faults.append(_only_one(label, with_label[0]))
        elif len(where) < 2:
            faults.append(f"all pictures of {label!r} fall into fold {where[0]} of {folds}; add more of them")
    empty = [number for number, part in enumerate(parts, start=1) if not part]
    if empty and not faults:
        faults = [f"fold {empty[0]} of {folds} gets no picture; add more, or choose fewer folds"]
    if faults:
        raise Misconfigured("the data", faults)
    return parts


def groups_of(examples: Sequence[Example], group_by: str) -> list[list[Example]]:
    """Group pictures with equal bytes or equal matches, ordered by the least sha256 of each group."""
    pattern = re.compile(group_by) if group_by else None
    leader: dict[str, str] = {}

    def leader_of(name: str) -> str:
        while leader.setdefault(name, name) != name:
            name = leader[name]
        return name

    for example in examples:
        match = pattern.search(example.path.name) if pattern else None
        if match and leader_of(example.sha256) != leader_of(f"{MATCH}{match[0]}"):
            leader[leader_of(example.sha256)] = leader_of(f"{MATCH}{match[0]}")
    groups: dict[str, list[Example]] = {}
    for example in examples:
        groups.setdefault(leader_of(example.sha256), []).append(example)
    return sorted(groups.values(), key=_least)


def position_of(group: Sequence[Example]) -> float:
    """Return a group's position between 0 and 1 (exclusive), from its least sha256.

    The least of several is usually small, which would crowd large groups near 0; so it is hashed again.
    """
    position: float = int(hashlib.sha256(_least(group).encode()).hexdigest()[:HASH_DIGITS], 16) / 16**HASH_DIGITS
    return position


def _least(group: Sequence[Example]) -> str:
    return min(example.sha256 for example in group)


def _split_by_order(
    examples: Sequence[Example], validation_share: float, group_by: str
) -> tuple[list[Example], list[Example]]:
    training: list[Example] = []
    validation: list[Example] = []
    for label in sorted({example.label for example in examples}):
        groups = groups_of([example for example in examples if example.label == label], group_by)
        if len(groups) < 2:
            raise Misconfigured("the data", [_only_one(label, groups[0])])
        wished = validation_share * sum(map(len, groups))
        held_out = 0
        for group in groups[:-1]:
            if held_out and held_out + len(group) / 2 > wished:
                break
            held_out += len(group)
            validation += group
        chosen = {example.sha256 for example in validation}
        training += [example for group in groups for example in group if example.sha256 not in chosen]
    return training, validation


def _only_one(label: str, group: Sequence[Example]) -> str:
    what = "group" if len({example.sha256 for example in group}) > 1 else "picture"
    return f"{label!r} has one {what} only, which cannot be both trained and validated on; add more"
