"""What a challenger serves: the champion's models, less those that are on trial, by their names."""

from __future__ import annotations

import pytest

from shared.bundles.references import Place
from shared.release.challenger import challenger_bundles
from shared.release.errors import ReleaseRefused

NAMES = {
    "flowers_v1": "flowers",
    "flowers_v2": "flowers",
    "mini_v1": "mini",
    "chest_v1": "chest",
    "gs://models/mini": "mini",
}


def name_of(place: Place) -> str:
    return NAMES[place.where]


@pytest.mark.parametrize(
    ("champion", "wanted", "challenger"),
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
    ],
)
def test_a_challenger_takes_the_place_of_the_model_of_its_name(champion: str, wanted: str, challenger: str) -> None:
    assert challenger_bundles(champion, wanted, name_of) == challenger


@pytest.mark.parametrize("wanted", ["mini_v1", "flowers_v2,mini_v1", "mini=flowers_v2"])
def test_a_challenger_of_a_name_that_is_not_served_is_refused(wanted: str) -> None:
    with pytest.raises(ReleaseRefused, match="is the model 'mini', expected one that is served: flowers, chest"):
        challenger_bundles("flowers_v1,chest_v1", wanted, name_of)
