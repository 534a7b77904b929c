"""Which pictures are trained on and which are kept apart: by their content alone, and groups stay together."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from shared.errors import Misconfigured
from shared.training.dataset import Example

BY_THRESHOLD, BY_ORDER = "threshold", "order"
"""The rules of a split. ``order`` is that of bundles made before there were two; their manifests name none."""

HASH_DIGITS = 13
"""Of a sha256, which place a picture: 52 bits, which a float holds exactly."""

MATCH = "match "
"""Before what a group's names share, so that no file can be taken for it."""


def split(
    examples: Sequence[Example], validation_share: float, group_by: str = "", rule: str = BY_THRESHOLD
) -> tuple[list[Example], list[Example]]:
    """Divide examples into training and validation by their content alone.

    By threshold: the least sha256 of a group gives it a place between 0 and 1, and the groups below
    ``validation_share`` are held out. So a picture keeps its side when others are added, unless one with a lesser
    sha256 joins its group. Where that leaves a label without a picture on a side, its group next to the threshold
    changes sides.
    By order, the rule of bundles made earlier: within each label the groups are ordered by their least sha256, and
    the first ones held out until they are ``validation_share`` of it.

    Equal bytes always land on one side, and so do files whose names tell that they show the same patient, say.

    Args:
        examples: in any order.
        validation_share: 0 to below 1; by threshold of all pictures, as far as chance allows, by order of each label.
        group_by: a regular expression; files with the same match in their names are a group, by order only where they
            have the same label too. A file without a match is a group of its own.
        rule: ``BY_THRESHOLD`` or ``BY_ORDER``.

    Returns:
        Training and validation, both with every label.

    Raises:
        Misconfigured: a label cannot be on both sides.
    """
    if rule == BY_ORDER:
        return _split_by_order(examples, validation_share, group_by)
    groups = sorted(groups_of(examples, group_by), key=place_of)
    held_out = [place_of(group) < validation_share for group in groups]
    for label in sorted({example.label for example in examples}):
        having = [index for index, group in enumerate(groups) if any(one.label == label for one in group)]
        if len(having) < 2:
            raise Misconfigured("the data", [_only_one(label, groups[having[0]])])
        if not any(held_out[index] for index in having):
            held_out[having[0]] = True
        elif all(held_out[index] for index in having):
            held_out[having[-1]] = False
    training = [one for group, out in zip(groups, held_out, strict=True) if not out for one in group]
    validation = [one for group, out in zip(groups, held_out, strict=True) if out for one in group]
    for label in sorted({example.label for example in examples}):
        if not all(any(one.label == label for one in side) for side in (training, validation)):
            fault = f"{label!r} has too few groups of its own to be both trained and validated on; add more"
            raise Misconfigured("the data", [fault])
    return training, validation


def folds_of(examples: Sequence[Example], folds: int, group_by: str = "") -> list[list[Example]]:
    """Divide examples into folds of about the same size by their content alone.

    The place between 0 and 1 that the least sha256 of a group gives decides, so a picture keeps its fold when others
    are added, unless one with a lesser sha256 joins its group.

    Args:
        examples: in any order.
        folds: 2 or more.
        group_by: a regular expression; files with the same match in their names are never in two folds, whatever
            their labels.

    Raises:
        Misconfigured: there are fewer pictures than folds, a fold gets none, or all pictures of a label fall into the
            same fold, so that nothing would be left to learn it from.
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
        parts[int(place_of(group) * folds)] += group
    faults = []
    for label in labels:
        having = [group for group in groups if any(one.label == label for one in group)]
        where = [number for number, part in enumerate(parts, start=1) if any(one.label == label for one in part)]
        if len(having) < 2:
            faults.append(_only_one(label, having[0]))
        elif len(where) < 2:
            faults.append(f"all pictures of {label!r} fall into fold {where[0]} of {folds}; add more of them")
    empty = [number for number, part in enumerate(parts, start=1) if not part]
    if empty and not faults:
        faults = [f"fold {empty[0]} of {folds} gets no picture; add more, or choose fewer folds"]
    if faults:
        raise Misconfigured("the data", faults)
    return parts


def groups_of(examples: Sequence[Example], group_by: str) -> list[list[Example]]:
    """Put together what must not be told apart: equal bytes, and equal matches. Ordered by the least sha256 of each."""
    pattern = re.compile(group_by) if group_by else None
    leader: dict[str, str] = {}

    def led(name: str) -> str:
        while leader.setdefault(name, name) != name:
            name = leader[name]
        return name

    for example in examples:
        found = pattern.search(example.path.name) if pattern else None
        if found and led(example.sha256) != led(f"{MATCH}{found[0]}"):
            leader[led(example.sha256)] = led(f"{MATCH}{found[0]}")
    groups: dict[str, list[Example]] = {}
    for example in examples:
        groups.setdefault(led(example.sha256), []).append(example)
    return sorted(groups.values(), key=_least)


def place_of(group: Sequence[Example]) -> float:
    """Return where a group stands between 0 and 1 (exclusive), from its least sha256.

    The least of several is small as a rule, which would crowd large groups near 0; so it is hashed once more.
    """
    place: float = int(hashlib.sha256(_least(group).encode()).hexdigest()[:HASH_DIGITS], 16) / 16**HASH_DIGITS
    return place


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
        wanted = validation_share * sum(map(len, groups))
        held_out = 0
        for group in groups[:-1]:
            if held_out and held_out + len(group) / 2 > wanted:
                break
            held_out += len(group)
            validation += group
        chosen = {example.sha256 for example in validation}
        training += [example for group in groups for example in group if example.sha256 not in chosen]
    return training, validation


def _only_one(label: str, group: Sequence[Example]) -> str:
    what = "group" if len({example.sha256 for example in group}) > 1 else "picture"
    return f"{label!r} has one {what} only, which cannot be both trained and validated on; add more"
