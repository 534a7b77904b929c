"""Tests that labelled pictures of the audit sample count in the proportions of the sample."""

from __future__ import annotations

import pytest

from shared.monitoring.audit_rows import Counts, counted


@pytest.mark.parametrize(
    ("hard", "others", "expected"),
    [
        (Counts(13, 13), Counts(87, 87), (13, 87)),
        (Counts(13, 13), Counts(87, 0), (0, 0)),
        (Counts(20, 20), Counts(180, 90), (10, 90)),
        (Counts(1, 0), Counts(99, 99), (0, 99)),
        (Counts(20, 0), Counts(180, 180), (0, 9)),
        (Counts(0, 0), Counts(50, 7), (0, 7)),
        (Counts(50, 7), Counts(0, 0), (7, 0)),
        (Counts(0, 0), Counts(0, 0), (0, 0)),
    ],
)
def test_labelled_pictures_count_in_the_proportions_of_the_sample(
    hard: Counts, others: Counts, expected: tuple[int, int]
) -> None:
    assert (counted(hard, others), counted(others, hard)) == expected


@pytest.mark.parametrize("labelled", range(0, 181, 15))
def test_hard_pictures_never_count_for_more_than_their_share(labelled: int) -> None:
    hard, others = Counts(20, 20), Counts(180, labelled)
    of_hard, of_others = counted(hard, others), counted(others, hard)
    assert of_hard <= (of_others + 1) / 9 + 0.5
