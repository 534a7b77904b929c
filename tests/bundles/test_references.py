"""``MODEL_BUNDLE``: the references that may be typed, and what they mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.bundles.folders import MODELS
from shared.bundles.references import BundleReference, highest_version, references_from
from shared.bundles.resolve import with_absolute_paths
from shared.settings import own_models


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("flowers_v1", (BundleReference("flowers_v1"),)),
        (" flowers_v1 , ,/models/x ", (BundleReference("flowers_v1"), BundleReference("/models/x"))),
        ("flowers=flowers_v1", (BundleReference("flowers_v1", "flowers"),)),
        ("x-ray@canary = gs://models/chest/2/", (BundleReference("gs://models/chest/2/", "x-ray", "canary"),)),
        ("flowers@stable=a/b", (BundleReference("a/b", "flowers", "stable"),)),
        ("/models/size=224", (BundleReference("/models/size=224"),)),
        ("gs://models/size=224", (BundleReference("gs://models/size=224"),)),
        ("small=/models/size=224", (BundleReference("/models/size=224", "small"),)),
    ],
)
def test_reference_is_a_location_with_an_optional_name_and_alias(
    text: str, expected: tuple[BundleReference, ...]
) -> None:
    assert references_from(text) == expected
    assert references_from(",".join(map(str, expected))) == expected


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "the name of a bundle, a folder or gs://"),
        (" , ", "the name of a bundle, a folder or gs://"),
        ("flowers=", "NAME=PLACE or NAME@ALIAS=PLACE instead of 'flowers='"),
        ("=flowers_v1", "NAME=PLACE or NAME@ALIAS=PLACE instead of '=flowers_v1'"),
        ("my flowers=flowers_v1", "NAME=PLACE or NAME@ALIAS=PLACE instead of 'my flowers=flowers_v1'"),
        ("flowers@beta=flowers_v1", "flowers@stable or flowers@canary instead of 'flowers@beta'"),
        ("flowers@=flowers_v1", "flowers@stable or flowers@canary instead of 'flowers@'"),
        ("gs://models", "gs://BUCKET/FOLDER instead of 'gs://models'"),
        ("a=gs://models/", "gs://BUCKET/FOLDER instead of 'gs://models/'"),
        ("gs://Models/a", "gs://BUCKET/FOLDER instead of 'gs://Models/a'"),
    ],
)
def test_references_fault_says_what_was_expected(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=r" instead of |the name") as refused:
        references_from(text)
    assert fault in str(refused.value)


def test_references_faults_are_all_named_together() -> None:
    with pytest.raises(ValueError, match=r" instead of |the name") as refused:
        references_from("a@x=b,gs://nothing,c=")
    assert len(str(refused.value).split("; ")) == 3


def test_reference_to_a_bucket_is_a_bucket_and_a_folder() -> None:
    assert BundleReference("gs://models/flowers/2/").bucket_and_folder == ("models", "flowers/2")
    assert BundleReference("gs://models/flowers/2/").is_in_a_bucket
    assert not BundleReference("flowers_v1").is_in_a_bucket


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
def test_highest_version_compares_digits_as_numbers(versions: list[str], expected: str) -> None:
    assert highest_version(versions) == highest_version(reversed(versions)) == expected


def test_references_with_absolute_paths_serve_another_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    references = references_from("flowers_v1,x@stable=mine/x,y=gs://models/y")
    expected = f"{MODELS / 'flowers_v1'},x@stable={tmp_path / 'mine' / 'x'},y=gs://models/y"
    assert with_absolute_paths(references, own_models()) == expected
