"""The index of served bundles: their names, versions and labels, and the bundle that each of these selects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from shared.bundles.bundle import Bundle, load_bundle
from shared.bundles.folders import MODELS
from shared.bundles.model_index import ModelIndex
from shared.bundles.references import references_from
from shared.errors import Misconfigured, UnknownModel
from shared.settings import DEFAULT_BUNDLE


@pytest.fixture(scope="module")
def bundle() -> Callable[[str, str], Bundle]:
    """Return a function that makes bundles of a name, version and digest."""
    shipped = load_bundle(MODELS / DEFAULT_BUNDLE)

    def make(name: str, version: str, digest: str = "") -> Bundle:
        manifest = replace(shipped.manifest, name=name, version=version)
        return replace(shipped, manifest=manifest, digest=digest or f"{name}{version}")

    return make


@pytest.fixture
def served(bundle: Callable[[str, str], Bundle]) -> Callable[..., ModelIndex]:
    """Return a function that makes an index of ``MODEL_BUNDLE``, and each bundle's name and version."""

    def make(text: str, *bundles: str) -> ModelIndex:
        loaded = [bundle(*words.split()) for words in bundles]
        return ModelIndex(list(zip(references_from(text), loaded, strict=True)))

    return make


def digest_of(index: ModelIndex, name: str | None, version: str | None = None) -> str:
    return index.find(name, version).digest


def test_index_has_the_first_bundle_as_default_by_its_own_name(served: Callable[..., ModelIndex]) -> None:
    index = served("a,b", "roses 1", "trees 4")
    assert (index.names, digest_of(index, None), index.default.digest) == (
        ("roses", "trees"),
        "roses1",
        "roses1",
    )
    assert digest_of(index, "trees") == digest_of(index, "trees", "4") == digest_of(index, "trees@4") == "trees4"


def test_index_serves_a_bundle_by_the_name_in_its_reference(served: Callable[..., ModelIndex]) -> None:
    index = served("x-ray=a", "chest 3")
    assert index.names == ("x-ray",)
    assert digest_of(index, "x-ray") == "chest3"
    assert "chest" not in index


@pytest.mark.parametrize(
    "text", ["a,roses@canary=b", "roses=a,roses@canary=b", "roses@canary=b,roses=a", "roses@canary=b,roses@stable=a"]
)
def test_index_returns_the_stable_version_where_none_is_named(served: Callable[..., ModelIndex], text: str) -> None:
    versions = ["roses 2", "roses 1"] if text.startswith("roses@canary") else ["roses 1", "roses 2"]
    index = served(text, *versions)
    assert digest_of(index, None) == digest_of(index, "roses") == digest_of(index, "roses", "stable") == "roses1"
    assert digest_of(index, "roses", "canary") == digest_of(index, "roses@canary") == "roses2"
    assert (index.versions("roses"), index.aliases("roses")) == (("1", "2"), {"stable": "1", "canary": "2"})


def test_index_takes_the_first_version_without_an_alias_as_stable(served: Callable[..., ModelIndex]) -> None:
    index = served("a,b,roses@canary=c", "roses 1", "roses 2", "roses 3")
    assert [digest_of(index, "roses", version) for version in ("stable", "1", "2", "3", "canary")] == [
        *("roses1", "roses1", "roses2", "roses3", "roses3")
    ]


def test_index_allows_one_bundle_with_both_aliases(served: Callable[..., ModelIndex]) -> None:
    index = served("roses=a,roses@canary=b", "roses 1", "roses 1")
    assert (index.versions("roses"), len(list(index))) == (("1",), 1)


@pytest.mark.parametrize(
    ("name", "version", "expected"),
    [
        ("lilies", None, "roses, trees"),
        ("roses", "7", "roses@1, roses@2, roses@stable, roses@canary"),
        ("trees", "canary", "trees@1, trees@stable"),
        ("roses@7", None, "roses@1, roses@2, roses@stable, roses@canary"),
        ("roses@canary", "2", "roses@1, roses@2, roses@stable, roses@canary"),
        ("@1", None, "roses, trees"),
        ("", None, "roses, trees"),
    ],
)
def test_index_names_what_is_served_where_a_model_is_unknown(
    served: Callable[..., ModelIndex], name: str, version: str | None, expected: str
) -> None:
    index = served("a,roses@canary=b,c", "roses 1", "roses 2", "trees 1")
    with pytest.raises(UnknownModel, match=f"expected one of: {expected}\\.$"):
        index.find(name, version)


@pytest.mark.parametrize(
    ("text", "bundles", "fault"),
    [
        ("roses@canary=a", ["roses 1"], "'roses' has no stable version"),
        ("roses@stable=a,roses@stable=b", ["roses 1", "roses 2"], "has the alias 'stable' twice"),
        ("roses=a,roses@canary=b,roses@canary=c", ["roses 1", "roses 2", "roses 3"], "has the alias 'canary' twice"),
        ("a,b", ["roses 1", "roses 1"], "'roses' has version '1' twice: a and b"),
        ("a,roses=b", ["roses 1", "roses 1"], "'roses' has version '1' twice: a and roses=b"),
        (
            "a,roses@canary=b",
            ["roses 1 one", "roses 1 two"],
            "two bundles of version '1' that differ: a and roses@canary=b",
        ),
        ("a", ["roses stable"], "is called 'stable', which is an alias"),
    ],
)
def test_index_refuses_ambiguous_names(
    served: Callable[..., ModelIndex], text: str, bundles: list[str], fault: str
) -> None:
    with pytest.raises(Misconfigured, match="MODEL_BUNDLE: ") as refused:
        served(text, *bundles)
    assert [fault in message for message in refused.value.faults] == [True]


def test_index_faults_are_all_named_together(served: Callable[..., ModelIndex]) -> None:
    with pytest.raises(Misconfigured) as refused:
        served("roses@canary=a,b,c", "roses 1", "trees 1", "trees 1")
    assert len(refused.value.faults) == 2
