"""Which revision gets what."""

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
def test_each_revision_gets_its_share(percent: int) -> None:
    taken = Counter(revision_for(split(percent), key) for key in KEYS)
    assert taken["challenger"] / len(KEYS) == pytest.approx(percent / 100, abs=0.03)


@pytest.mark.parametrize(("percent", "only"), [(0, "champion"), (100, "challenger")])
def test_who_has_no_share_gets_nothing(percent: int, only: str) -> None:
    assert {revision_for(split(percent), key) for key in KEYS} == {only}


def test_what_comes_again_goes_to_the_same_revision() -> None:
    again = (Target("challenger", 30, CHALLENGER), Target("champion", 70))
    assert [revision_for(split(30), key) for key in KEYS] == [revision_for(again, key) for key in KEYS]


def test_a_larger_share_takes_nothing_away_from_the_challenger() -> None:
    before, after = ({key for key in KEYS if revision_for(split(share), key) == "challenger"} for share in (10, 50))
    assert before < after


def test_shares_that_do_not_add_up_are_a_fault() -> None:
    with pytest.raises(ValueError, match="do not add up"):
        [revision_for((Target("champion", 50),), key) for key in KEYS]


def ledger(percent: int) -> Ledger:
    revisions = tuple(
        LocalRevision(name, "flowers_v1", "", port, "2026-11-21T12:00:00+00:00")
        for name, port in (("champion", 1), ("challenger", 2))
    )
    return Ledger({"classify-upload": LocalService(revisions, split(percent))}, "http://127.0.0.1:3")


def test_the_router_follows_the_file(tmp_path: Path) -> None:
    path = tmp_path / "releases.json"
    router = Router(path, "classify-upload", "http://127.0.0.1:9")
    assert router.url("a") == "http://127.0.0.1:9"
    write(path, ledger(0))
    assert router.url("a") == "http://127.0.0.1:1"
    write(path, ledger(100))
    assert router.url("a") == "http://127.0.0.1:2"
    assert Router(path, "classify-request", "http://127.0.0.1:9").url("a") == "http://127.0.0.1:9"


def test_a_file_of_another_time_stops_nothing(tmp_path: Path) -> None:
    path = tmp_path / "releases.json"
    path.write_text('{"services": 1}', "utf-8")
    assert Router(path, "classify-upload", "http://127.0.0.1:9").url("a") == "http://127.0.0.1:9"
