"""Routing of events and requests to revisions of a local release."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from shared.local.releases.ledger import Ledger, LocalRevision, LocalService, write
from shared.local.releases.routing import Router, revision_for
from shared.release.revisions import CHALLENGER, Target

KEYS = [f"event-{number}" for number in range(5_000)]


def split(percent: int) -> tuple[Target, ...]:
    return Target("champion", 100 - percent), Target("challenger", percent, CHALLENGER)


@pytest.mark.parametrize("percent", [1, 10, 50, 99])
def test_revision_gets_its_share(percent: int) -> None:
    taken = Counter(revision_for(split(percent), key) for key in KEYS)
    assert taken["challenger"] / len(KEYS) == pytest.approx(percent / 100, abs=0.03)


@pytest.mark.parametrize(("percent", "only"), [(0, "champion"), (100, "challenger")])
def test_revision_without_a_share_gets_nothing(percent: int, only: str) -> None:
    assert {revision_for(split(percent), key) for key in KEYS} == {only}


def test_repeated_key_goes_to_the_same_revision() -> None:
    again = (Target("challenger", 30, CHALLENGER), Target("champion", 70))
    assert [revision_for(split(30), key) for key in KEYS] == [revision_for(again, key) for key in KEYS]


def test_larger_share_keeps_the_challengers_keys() -> None:
    before, after = ({key for key in KEYS if revision_for(split(share), key) == "challenger"} for share in (10, 50))
    assert before < after


def test_shares_that_do_not_add_up_are_an_error() -> None:
    with pytest.raises(ValueError, match="do not add up"):
        [revision_for((Target("champion", 50),), key) for key in KEYS]


def ledger(percent: int) -> Ledger:
    revisions = tuple(
        LocalRevision(name, "flowers_v1", "", port, "2026-11-21T12:00:00+00:00")
        for name, port in (("champion", 1), ("challenger", 2))
    )
    return Ledger({"classify-upload": LocalService(revisions, split(percent))}, "http://127.0.0.1:3")


def test_router_follows_the_ledger_file(tmp_path: Path) -> None:
    path = tmp_path / "releases.json"
    router = Router(path, "classify-upload", "http://127.0.0.1:9")
    assert router.url("a") == "http://127.0.0.1:9"
    write(path, ledger(0))
    assert router.url("a") == "http://127.0.0.1:1"
    write(path, ledger(100))
    assert router.url("a") == "http://127.0.0.1:2"
    assert Router(path, "classify-request", "http://127.0.0.1:9").url("a") == "http://127.0.0.1:9"


def test_router_ignores_a_ledger_of_another_format(tmp_path: Path) -> None:
    path = tmp_path / "releases.json"
    path.write_text('{"services": 1}', "utf-8")
    assert Router(path, "classify-upload", "http://127.0.0.1:9").url("a") == "http://127.0.0.1:9"
