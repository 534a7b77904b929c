"""``MODEL_BUNDLE``: what may be typed, and what it means."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.bundles.folders import MODELS
from shared.bundles.references import Place, highest, places_from
from shared.bundles.resolve import spelled_out
from shared.settings import own_models


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("flowers_v1", (Place("flowers_v1"),)),
        (" flowers_v1 , ,/models/x ", (Place("flowers_v1"), Place("/models/x"))),
        ("flowers=flowers_v1", (Place("flowers_v1", "flowers"),)),
        ("x-ray@canary = gs://models/chest/2/", (Place("gs://models/chest/2/", "x-ray", "canary"),)),
        ("flowers@stable=a/b", (Place("a/b", "flowers", "stable"),)),
        ("/models/size=224", (Place("/models/size=224"),)),
        ("gs://models/size=224", (Place("gs://models/size=224"),)),
        ("small=/models/size=224", (Place("/models/size=224", "small"),)),
    ],
)
def test_an_entry_is_a_place_or_a_name_and_a_place(text: str, expected: tuple[Place, ...]) -> None:
    assert places_from(text) == expected
    assert places_from(",".join(map(str, expected))) == expected


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "the name of a bundle, a folder or gs://"),
        (" , ", "the name of a bundle, a folder or gs://"),
        ("flowers=", "NAME=PLACE or NAME@LABEL=PLACE instead of 'flowers='"),
        ("=flowers_v1", "NAME=PLACE or NAME@LABEL=PLACE instead of '=flowers_v1'"),
        ("my flowers=flowers_v1", "NAME=PLACE or NAME@LABEL=PLACE instead of 'my flowers=flowers_v1'"),
        ("flowers@beta=flowers_v1", "flowers@stable or flowers@canary instead of 'flowers@beta'"),
        ("flowers@=flowers_v1", "flowers@stable or flowers@canary instead of 'flowers@'"),
        ("gs://models", "gs://BUCKET/FOLDER instead of 'gs://models'"),
        ("a=gs://models/", "gs://BUCKET/FOLDER instead of 'gs://models/'"),
        ("gs://Models/a", "gs://BUCKET/FOLDER instead of 'gs://Models/a'"),
    ],
)
def test_what_is_malformed_is_said_with_what_was_expected(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=r" instead of |the name") as refused:
        places_from(text)
    assert fault in str(refused.value)


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(ValueError, match=r" instead of |the name") as refused:
        places_from("a@x=b,gs://nothing,c=")
    assert len(str(refused.value).split("; ")) == 3


def test_a_place_in_a_bucket_is_a_bucket_and_a_folder() -> None:
    assert Place("gs://models/flowers/2/").bucket_and_folder == ("models", "flowers/2")
    assert Place("gs://models/flowers/2/").is_in_a_bucket
    assert not Place("flowers_v1").is_in_a_bucket


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        (["1"], "1"),
        (["9", "10"], "10"),
        (["1.9", "1.10", "1.2"], "1.10"),
        (["v2", "v10"], "v10"),
        (["2026-11-21", "2026-02-03"], "2026-11-21"),
        (["1", "a"], "a"),
        (["1.0", "1.0.1"], "1.0.1"),
    ],
)
def test_of_several_versions_the_highest_number_is_meant(versions: list[str], expected: str) -> None:
    assert highest(versions) == highest(reversed(versions)) == expected


def test_another_process_gets_whole_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    places = places_from("flowers_v1,x@stable=mine/x,y=gs://models/y")
    expected = f"{MODELS / 'flowers_v1'},x@stable={tmp_path / 'mine' / 'x'},y=gs://models/y"
    assert spelled_out(places, own_models()) == expected
