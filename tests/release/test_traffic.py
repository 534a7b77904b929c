"""Traffic at each step of a release, and the steps over several services."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from shared.release.errors import NothingToRelease, RevisionFailed
from shared.release.revisions import CHALLENGER, PREVIOUS, Change, Revision, Standing, Target, Traffic
from shared.release.rollout import begin, promote, roll_back
from shared.release.traffic import on_trial, promoted, rolled_back

ALL = (Target("one", 100),)
TRIAL = (Target("one", 90), Target("two", 10, CHALLENGER))
DONE = (Target("two", 100), Target("one", 0, PREVIOUS))


def test_trial_takes_its_share_from_the_champion() -> None:
    assert on_trial(ALL, "two", 10) == TRIAL
    assert on_trial(TRIAL, "two", 50) == (Target("one", 50), Target("two", 50, CHALLENGER))


def test_challenger_with_all_traffic_is_not_the_champion() -> None:
    shifted = on_trial(ALL, "two", 100)
    assert rolled_back(shifted) == ALL
    assert promoted(shifted) == DONE


def test_promotion_keeps_the_champion_for_a_rollback() -> None:
    assert promoted(TRIAL) == DONE
    assert promoted(DONE) == DONE
    assert rolled_back(DONE) == ALL


def test_rollback_gives_the_champion_everything() -> None:
    assert rolled_back(TRIAL) == ALL


def test_champion_cannot_be_the_challenger() -> None:
    with pytest.raises(NothingToRelease, match="serves already"):
        on_trial(ALL, "one", 10)


def test_promotion_and_rollback_need_a_trial() -> None:
    with pytest.raises(NothingToRelease, match="canary"):
        promoted(ALL)
    with pytest.raises(NothingToRelease):
        rolled_back(ALL)


class Interrupted(Exception):
    """A user pressed Ctrl-C, or the machine died."""


@dataclass
class Platform:
    """Services in memory, which can be interrupted before any change of traffic."""

    traffic: dict[str, Traffic] = field(default_factory=lambda: {"a": ALL, "b": ALL})
    broken: frozenset[str] = frozenset()
    changes_left: int = 99

    def standing(self, service: str) -> Standing:
        known = tuple(Revision(name, None, name, is_ready=True) for name in ("two", "one"))
        return Standing(service, known, self.traffic[service], "etag")

    def deploy(self, service: str, change: Change) -> str:
        if service in self.broken:
            raise RevisionFailed("it does not start")
        return change.bundle or "two"

    def set_traffic(self, standing: Standing, traffic: Traffic) -> Standing:
        if not self.changes_left:
            raise Interrupted
        self.changes_left -= 1
        self.traffic[standing.service] = traffic
        return self.standing(standing.service)

    def shadow(self, change: Change) -> str:
        raise NotImplementedError


def champions(platform: Platform) -> set[str]:
    return {platform.standing(service).champion for service in ("a", "b")}


def test_canary_moves_no_traffic_unless_the_challenger_starts_on_all_services() -> None:
    platform = Platform(broken=frozenset("b"))
    with pytest.raises(RevisionFailed):
        begin(platform, ("a", "b"), Change(bundle="two"), 10)
    assert platform.traffic == {"a": ALL, "b": ALL}


@pytest.mark.parametrize("changes", [0, 1])
def test_canary_that_is_interrupted_can_be_resumed_or_rolled_back(changes: int) -> None:
    platform = Platform(changes_left=changes)
    with pytest.raises(Interrupted):
        begin(platform, ("a", "b"), Change(bundle="two"), 10)
    assert champions(platform) == {"one"}
    platform.changes_left = 99
    begin(platform, ("a", "b"), Change(bundle="two"), 10)
    assert platform.traffic == {"a": TRIAL, "b": TRIAL}
    roll_back(platform, ("a", "b"))
    assert platform.traffic == {"a": ALL, "b": ALL}


def test_promotion_that_is_interrupted_is_finished_or_rolled_back_whole() -> None:
    for after in (promote, roll_back):
        platform = Platform({"a": TRIAL, "b": TRIAL}, changes_left=1)
        with pytest.raises(Interrupted):
            promote(platform, ("a", "b"))
        platform.changes_left = 99
        after(platform, ("a", "b"))
        assert len(set(platform.traffic.values())) == 1


def test_challenger_is_refused_during_another_trial() -> None:
    platform = Platform({"a": TRIAL, "b": TRIAL})
    with pytest.raises(NothingToRelease, match="two is on trial on a, without bundle three"):
        begin(platform, ("a", "b"), Change(bundle="three"), 10)


def test_canary_without_a_change_continues_the_trial() -> None:
    platform = Platform({"a": TRIAL, "b": TRIAL})
    begin(platform, ("a", "b"), Change(), 50)
    assert platform.traffic["b"] == (Target("one", 50), Target("two", 50, CHALLENGER))


def test_rollback_leaves_a_service_outside_of_a_release_alone() -> None:
    platform = Platform({"a": TRIAL, "b": ALL})
    roll_back(platform, ("a", "b"))
    assert platform.traffic == {"a": ALL, "b": ALL}


@pytest.mark.parametrize("services", [("a",), ("a", "b")])
def test_rollback_of_services_outside_of_a_release_is_refused(services: tuple[str, ...]) -> None:
    with pytest.raises(NothingToRelease, match="nothing to roll back"):
        roll_back(Platform(), services)


def test_share_of_a_revision_is_the_sum_of_its_targets() -> None:
    traffic = (Target("one", 60), Target("two", 30, CHALLENGER), Target("one", 10, "pinned"))
    standing = Standing("a", (), traffic, "etag")
    assert [standing.percent_of(name) for name in ("one", "two", "three")] == [70, 30, 0]


def test_standing_says_which_revisions_are_champion_challenger_and_previous() -> None:
    revisions = (Revision("two", None, "two", is_ready=True), Revision("one", None, "one", is_ready=True))
    trial, done = (Standing("a", revisions, traffic, "etag") for traffic in (TRIAL, DONE))
    assert (trial.champion, trial.challenger, trial.previous) == ("one", "two", None)
    assert (done.champion, done.challenger, done.previous) == ("two", None, "one")
    assert trial.find("one") is revisions[1]
    assert trial.find("three") is None


def test_champion_is_the_one_with_most_traffic_that_is_not_on_trial() -> None:
    assert Standing("a", (), (Target("one", 40), Target("two", 60)), "etag").champion == "two"
    assert Standing("a", (), (Target("two", 100, CHALLENGER),), "etag").champion == "two"
    assert Standing("a", (), (Target("one", 0), Target("two", 100, CHALLENGER)), "etag").champion == "one"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (Change(), True),
        (Change(image="i"), True),
        (Change(bundle="b"), True),
        (Change("i", "b"), True),
        (Change("other", "b"), False),
        (Change("i", "other"), False),
    ],
)
def test_change_is_in_a_revision_that_has_all_of_it(change: Change, expected: bool) -> None:
    assert change.is_in(Revision("one", "i", "b", is_ready=True)) is expected


def test_change_says_what_it_is() -> None:
    said = [str(change) for change in (Change(), Change("i"), Change(bundle="b"), Change("i", "b"))]
    assert said == ["the newest revision", "image i", "bundle b", "image i and bundle b"]


def test_traffic_that_is_right_already_is_not_set_again() -> None:
    platform = Platform({"a": TRIAL, "b": TRIAL}, changes_left=0)
    assert [standing.traffic for standing in begin(platform, ("a", "b"), Change(bundle="two"), 10)] == [TRIAL, TRIAL]


def test_canary_of_what_serves_already_on_one_service_moves_no_traffic_of_any() -> None:
    before = {"a": DONE, "b": ALL}
    platform = Platform(dict(before))
    with pytest.raises(NothingToRelease, match="one serves already"):
        begin(platform, ("a", "b"), Change(bundle="one"), 10)
    assert platform.traffic == before
