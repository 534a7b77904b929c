"""Bundles of a challenger: the champion's, with those on trial in place of the ones of the same name."""

from __future__ import annotations

import pytest

from shared.bundles.references import BundleReference
from shared.release.challenger import challenger_bundles
from shared.release.errors import ReleaseRefused

NAMES = {
    "flowers_v1": "flowers",
    "flowers_v2": "flowers",
    "mini_v1": "mini",
    "chest_v1": "chest",
    "gs://models/mini": "mini",
}


def name_of(place: BundleReference) -> str:
    return NAMES[place.location]


@pytest.mark.parametrize(
    ("champion", "requested", "challenger"),
    [
        ("flowers_v1", "flowers_v2", "flowers_v2"),
        ("flowers_v1,mini_v1,chest_v1", "gs://models/mini", "flowers_v1,gs://models/mini,chest_v1"),
        ("flowers=gs://models/a", "flowers_v2", "flowers=flowers_v2"),
        ("flowers_v1", "flowers=mini_v1", "flowers=mini_v1"),
        ("flowers_v1,mini_v1", "gs://models/mini,flowers_v2", "flowers_v2,gs://models/mini"),
        (
            "flowers=flowers_v1,flowers@canary=flowers_v2",
            "flowers@canary=flowers_v1",
            "flowers=flowers_v1,flowers@canary=flowers_v1",
        ),
        ("flowers=flowers_v1", "flowers@canary=flowers_v2", "flowers=flowers_v1,flowers@canary=flowers_v2"),
        ("flowers=flowers_v1", "flowers@stable=x", "flowers@stable=x"),
    ],
)
def test_challenger_replaces_the_model_of_its_name(champion: str, requested: str, challenger: str) -> None:
    assert challenger_bundles(champion, requested, name_of) == challenger


@pytest.mark.parametrize("requested", ["mini_v1", "flowers_v2,mini_v1", "mini=flowers_v2"])
def test_challenger_of_a_name_that_is_not_served_is_refused(requested: str) -> None:
    with pytest.raises(ReleaseRefused, match="is the model 'mini', expected one that is served: flowers, chest"):
        challenger_bundles("flowers_v1,chest_v1", requested, name_of)
