"""A release on Cloud Run, against a server of ours whose every exchange is compared with Google's document."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from google.api_core import exceptions as api

from shared.adapters.cloud_run import CloudRun, translated
from shared.errors import Transient
from shared.release.errors import NothingToRelease, PlatformUnavailable, ReleaseRefused, RevisionFailed, TrafficMoved
from shared.release.revisions import CHALLENGER, PREVIOUS, Change, Target
from shared.release.rollout import begin, promote, roll_back
from tests.adapters.client_errors import instance_of, raised_by_clients
from tests.emulators.contract.discovery import discovery_of
from tests.release.cloud_run_parts import BY_NAME, DIGEST, LATEST, FakeCloudRun, running, with_names

SERVICES = ("classify-upload", "classify-request")
NEW = Change(image=f"{DIGEST}{'1' * 64}")
OLD_REVISION, NEW_REVISION = "classify-upload-00001-abc", "classify-upload-00002-abc"


@pytest.fixture
def there() -> Iterator[FakeCloudRun]:
    """Cloud Run; at the end all that was said to it must be as documented."""
    there = FakeCloudRun()
    yield there
    run = discovery_of("run", "v2")
    assert there.exchanges
    assert [fault for one in there.exchanges for fault in run.judge(with_names(one)).faults] == []


@pytest.fixture
def cloud_run(there: FakeCloudRun) -> Iterator[CloudRun]:
    with running(there) as url:
        yield CloudRun("p", "europe-west1", deadline_s=5, patience_s=5, endpoint=url)


def test_a_service_as_terraform_made_it_has_a_champion(cloud_run: CloudRun) -> None:
    standing = cloud_run.standing("classify-upload")
    assert standing.traffic == (Target(OLD_REVISION, 100),)
    assert (standing.champion, standing.challenger, standing.previous) == (OLD_REVISION, None, None)
    [revision] = standing.revisions
    assert revision.is_ready
    assert revision.image == f"{DIGEST}{'0' * 64}"


def test_a_new_revision_gets_no_traffic_until_it_is_given_some(there: FakeCloudRun, cloud_run: CloudRun) -> None:
    assert cloud_run.deploy("classify-upload", NEW) == NEW_REVISION
    standing = cloud_run.standing("classify-upload")
    assert standing.traffic == (Target(OLD_REVISION, 100), Target(NEW_REVISION, 0, CHALLENGER))
    assert there.services["classify-upload"]["template"].get("revision", "") == ""


def test_deploying_twice_makes_one_revision(there: FakeCloudRun, cloud_run: CloudRun) -> None:
    assert cloud_run.deploy("classify-upload", NEW) == cloud_run.deploy("classify-upload", NEW)
    assert len(there.revisions["classify-upload"]) == 2


def test_a_canary_takes_its_share_of_both_services_and_is_promoted(there: FakeCloudRun, cloud_run: CloudRun) -> None:
    for standing in begin(cloud_run, SERVICES, NEW, 10):
        assert [target.percent for target in standing.traffic] == [90, 10]
    begin(cloud_run, SERVICES, NEW, 50)
    promote(cloud_run, SERVICES)
    standing = promote(cloud_run, SERVICES)[0]
    assert standing.traffic == (Target(NEW_REVISION, 100), Target(OLD_REVISION, 0, PREVIOUS))
    assert len(there.revisions["classify-upload"]) == 2
    assert roll_back(cloud_run, SERVICES)[0].traffic == (Target(OLD_REVISION, 100),)


def test_what_terraform_changes_after_a_promotion_serves(there: FakeCloudRun, cloud_run: CloudRun) -> None:
    """Traffic that is pinned to a revision by name would leave a new memory size, or a new setting, without a call."""
    begin(cloud_run, SERVICES, NEW, 10)
    promote(cloud_run, SERVICES)
    sent = there.services["classify-upload"]["traffic"]
    assert [(one["type"], one.get("percent"), one.get("tag")) for one in sent] == [
        (LATEST, 100, None),
        (BY_NAME, None, PREVIOUS),
    ]
    there.changed_by_terraform("classify-upload", memory="1Gi")
    assert cloud_run.standing("classify-upload").champion == "classify-upload-00003-abc"


def test_what_terraform_changes_during_a_trial_or_after_a_rollback_does_not_serve_by_itself(
    there: FakeCloudRun, cloud_run: CloudRun
) -> None:
    """The newest template names the image that is on trial, or that was rolled back."""
    begin(cloud_run, SERVICES, NEW, 10)
    there.changed_by_terraform("classify-upload", memory="1Gi")
    standing = cloud_run.standing("classify-upload")
    assert standing.traffic == (Target(OLD_REVISION, 90), Target(NEW_REVISION, 10, CHALLENGER))
    roll_back(cloud_run, SERVICES)
    there.changed_by_terraform("classify-upload", memory="2Gi")
    assert cloud_run.standing("classify-upload").traffic == (Target(OLD_REVISION, 100),)


def test_a_promotion_of_what_is_no_longer_the_latest_stays_with_its_revision(
    there: FakeCloudRun, cloud_run: CloudRun
) -> None:
    begin(cloud_run, SERVICES, NEW, 10)
    there.changed_by_terraform("classify-upload", memory="1Gi")
    promote(cloud_run, SERVICES)
    assert cloud_run.standing("classify-upload").champion == NEW_REVISION


def test_a_canary_is_rolled_back_to_the_champion(cloud_run: CloudRun) -> None:
    begin(cloud_run, SERVICES, NEW, 10)
    for standing in roll_back(cloud_run, SERVICES):
        assert standing.percent_of(standing.champion) == 100
        assert standing.champion.endswith("-00001-abc")
    with pytest.raises(NothingToRelease):
        roll_back(cloud_run, SERVICES)


def test_a_revision_that_does_not_start_leaves_all_traffic_where_it_was(
    there: FakeCloudRun, cloud_run: CloudRun
) -> None:
    there.broken.add(str(NEW.image))
    for _ in range(2):
        with pytest.raises(RevisionFailed, match="does not start"):
            begin(cloud_run, SERVICES, NEW, 10)
        standing = cloud_run.standing("classify-upload")
        assert standing.traffic == (Target(OLD_REVISION, 100),)


def test_a_bundle_is_changed_without_touching_other_settings(there: FakeCloudRun, cloud_run: CloudRun) -> None:
    there.services["classify-upload"]["template"]["containers"][0]["env"] = [{"name": "MEMORY_MB", "value": "512"}]
    cloud_run.deploy("classify-upload", Change(bundle="/models/roses_v2"))
    template = there.services["classify-upload"]["template"]
    expected = [{"name": "MEMORY_MB", "value": "512"}, {"name": "MODEL_BUNDLE", "value": "/models/roses_v2"}]
    assert template["containers"][0]["env"] == expected
    assert template["serviceAccount"] == "s@p"


def test_traffic_that_somebody_else_moved_is_left_alone(there: FakeCloudRun, cloud_run: CloudRun) -> None:
    cloud_run.deploy("classify-upload", NEW)
    seen = cloud_run.standing("classify-upload")
    roll_back(cloud_run, SERVICES[:1])
    with pytest.raises(TrafficMoved):
        cloud_run.set_traffic(seen, (Target(NEW_REVISION, 100),))
    assert cloud_run.standing("classify-upload").champion == OLD_REVISION


def test_a_shadow_runs_beside_the_backlog_over_the_archive(there: FakeCloudRun, cloud_run: CloudRun) -> None:
    assert cloud_run.shadow(Change(bundle="/models/roses_v2")) == "classify-backlog-shadow-abcde"
    [job] = there.runs
    [container] = job["template"]["template"]["containers"]
    assert container["args"] == ["--bucket", "p-archive", "--keep"]
    settings = {one["name"]: one["value"] for one in container["env"]}
    assert settings == {"ARCHIVE_BUCKET": "p-archive", "MODEL_BUNDLE": "/models/roses_v2", "SHADOW": "true"}
    assert job["template"]["template"]["serviceAccount"] == "backlog@p"
    assert there.jobs["classify-backlog"]["template"]["template"]["containers"][0].get("args") is None


@pytest.mark.parametrize("status", [400, 403])
def test_what_cloud_run_refuses_is_refused_with_a_sentence(
    there: FakeCloudRun, cloud_run: CloudRun, status: int
) -> None:
    there.refuses_with = status
    with pytest.raises(ReleaseRefused, match="reading the service classify-upload"):
        cloud_run.standing("classify-upload")


def test_a_service_that_is_not_there_is_refused(cloud_run: CloudRun) -> None:
    with pytest.raises(ReleaseRefused, match="no service classify-nothing"):
        cloud_run.standing("classify-nothing")


OF_ANY_CLIENT = [kind for kind in raised_by_clients() if kind.__module__ != "google.cloud.storage.exceptions"]


@pytest.mark.parametrize("kind", OF_ANY_CLIENT, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_whatever_a_client_raises_is_translated(kind: type[BaseException]) -> None:
    expected: type[Exception] = PlatformUnavailable
    if issubclass(kind, api.Conflict):
        expected = TrafficMoved
    elif issubclass(kind, (api.BadRequest, api.Unauthorized, api.Forbidden, api.NotFound)):
        expected = ReleaseRefused
    error = instance_of(kind)
    with pytest.raises(expected, match="While looking") as raised, translated("looking"):
        raise error
    assert raised.value.__cause__ is error


def test_only_what_passes_is_worth_another_try() -> None:
    assert issubclass(PlatformUnavailable, Transient)
    assert not issubclass(ReleaseRefused, Transient)
    with pytest.raises(ZeroDivisionError), translated("looking"):  # a bug must be seen
        raise ZeroDivisionError
