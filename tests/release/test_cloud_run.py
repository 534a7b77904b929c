"""A release on Cloud Run, against a test server; every exchange is compared with Google's discovery document."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from google.api_core import exceptions as api

from shared.adapters.cloud_run import CloudRun, translate_errors
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
def server() -> Iterator[FakeCloudRun]:
    """Yield Cloud Run; at the end every exchange must be as documented."""
    server = FakeCloudRun()
    yield server
    run = discovery_of("run", "v2")
    assert server.exchanges
    assert [fault for exchange in server.exchanges for fault in run.judge(with_names(exchange)).faults] == []


@pytest.fixture
def cloud_run(server: FakeCloudRun) -> Iterator[CloudRun]:
    with running(server) as url:
        yield CloudRun("p", "europe-west1", deadline_s=5, operation_timeout_s=5, endpoint=url)


def test_cloud_run_service_made_by_terraform_has_a_champion(cloud_run: CloudRun) -> None:
    standing = cloud_run.standing("classify-upload")
    assert standing.traffic == (Target(OLD_REVISION, 100),)
    assert (standing.champion, standing.challenger, standing.previous) == (OLD_REVISION, None, None)
    [revision] = standing.revisions
    assert revision.is_ready
    assert revision.image == f"{DIGEST}{'0' * 64}"


def test_cloud_run_revision_is_deployed_without_traffic(server: FakeCloudRun, cloud_run: CloudRun) -> None:
    assert cloud_run.deploy("classify-upload", NEW) == NEW_REVISION
    standing = cloud_run.standing("classify-upload")
    assert standing.traffic == (Target(OLD_REVISION, 100), Target(NEW_REVISION, 0, CHALLENGER))
    assert server.services["classify-upload"]["template"].get("revision", "") == ""


def test_cloud_run_revision_is_labelled_with_the_commit_of_its_image(server: FakeCloudRun, cloud_run: CloudRun) -> None:
    template = server.services["classify-upload"]["template"]
    template["labels"] = {"team": "ours", "commit": "of-the-old-image"}
    cloud_run.deploy("classify-upload", Change(image=NEW.image, commit="0123abc"))
    assert cloud_run.standing("classify-upload").revisions[0].commit == "0123abc"
    cloud_run.deploy("classify-upload", Change(bundle="/models/roses_v2"))
    assert cloud_run.standing("classify-upload").revisions[0].commit == "0123abc"  # the image is the same
    cloud_run.deploy("classify-upload", Change(image=f"{DIGEST}{'2' * 64}"))
    assert cloud_run.standing("classify-upload").revisions[0].commit is None
    assert server.services["classify-upload"]["template"]["labels"] == {"team": "ours"}


def test_cloud_run_deploy_is_idempotent(server: FakeCloudRun, cloud_run: CloudRun) -> None:
    assert cloud_run.deploy("classify-upload", NEW) == cloud_run.deploy("classify-upload", NEW)
    assert len(server.revisions["classify-upload"]) == 2


def test_cloud_run_canary_takes_its_share_of_both_services_and_is_promoted(
    server: FakeCloudRun, cloud_run: CloudRun
) -> None:
    for standing in begin(cloud_run, SERVICES, NEW, 10):
        assert [target.percent for target in standing.traffic] == [90, 10]
    begin(cloud_run, SERVICES, NEW, 50)
    promote(cloud_run, SERVICES)
    standing = promote(cloud_run, SERVICES)[0]
    assert standing.traffic == (Target(NEW_REVISION, 100), Target(OLD_REVISION, 0, PREVIOUS))
    assert len(server.revisions["classify-upload"]) == 2
    assert roll_back(cloud_run, SERVICES)[0].traffic == (Target(OLD_REVISION, 100),)


def test_cloud_run_serves_changes_by_terraform_after_a_promotion(server: FakeCloudRun, cloud_run: CloudRun) -> None:
    """Traffic that is pinned to a revision by name would never reach a new memory size or a new setting."""
    begin(cloud_run, SERVICES, NEW, 10)
    promote(cloud_run, SERVICES)
    sent = server.services["classify-upload"]["traffic"]
    assert [(target["type"], target.get("percent"), target.get("tag")) for target in sent] == [
        (LATEST, 100, None),
        (BY_NAME, None, PREVIOUS),
    ]
    server.changed_by_terraform("classify-upload", memory="1Gi")
    assert cloud_run.standing("classify-upload").champion == "classify-upload-00003-abc"


def test_cloud_run_serves_no_change_by_terraform_in_a_trial_or_after_a_rollback(
    server: FakeCloudRun, cloud_run: CloudRun
) -> None:
    """The newest template names the image that is on trial, or that was rolled back."""
    begin(cloud_run, SERVICES, NEW, 10)
    server.changed_by_terraform("classify-upload", memory="1Gi")
    standing = cloud_run.standing("classify-upload")
    assert standing.traffic == (Target(OLD_REVISION, 90), Target(NEW_REVISION, 10, CHALLENGER))
    roll_back(cloud_run, SERVICES)
    server.changed_by_terraform("classify-upload", memory="2Gi")
    assert cloud_run.standing("classify-upload").traffic == (Target(OLD_REVISION, 100),)


def test_cloud_run_promotion_of_an_older_revision_stays_with_it(server: FakeCloudRun, cloud_run: CloudRun) -> None:
    begin(cloud_run, SERVICES, NEW, 10)
    server.changed_by_terraform("classify-upload", memory="1Gi")
    promote(cloud_run, SERVICES)
    assert cloud_run.standing("classify-upload").champion == NEW_REVISION


def test_cloud_run_canary_is_rolled_back_to_the_champion(cloud_run: CloudRun) -> None:
    begin(cloud_run, SERVICES, NEW, 10)
    for standing in roll_back(cloud_run, SERVICES):
        assert standing.percent_of(standing.champion) == 100
        assert standing.champion.endswith("-00001-abc")
    with pytest.raises(NothingToRelease):
        roll_back(cloud_run, SERVICES)


def test_cloud_run_traffic_stays_when_a_revision_does_not_start(server: FakeCloudRun, cloud_run: CloudRun) -> None:
    server.broken.add(str(NEW.image))
    for _ in range(2):
        with pytest.raises(RevisionFailed, match="does not start"):
            begin(cloud_run, SERVICES, NEW, 10)
        standing = cloud_run.standing("classify-upload")
        assert standing.traffic == (Target(OLD_REVISION, 100),)


def test_cloud_run_change_of_a_bundle_keeps_other_settings(server: FakeCloudRun, cloud_run: CloudRun) -> None:
    server.services["classify-upload"]["template"]["containers"][0]["env"] = [{"name": "MEMORY_MB", "value": "512"}]
    cloud_run.deploy("classify-upload", Change(bundle="/models/roses_v2"))
    template = server.services["classify-upload"]["template"]
    expected = [{"name": "MEMORY_MB", "value": "512"}, {"name": "MODEL_BUNDLE", "value": "/models/roses_v2"}]
    assert template["containers"][0]["env"] == expected
    assert template["serviceAccount"] == "s@p"


def test_cloud_run_traffic_moved_by_another_person_is_left_alone(server: FakeCloudRun, cloud_run: CloudRun) -> None:
    cloud_run.deploy("classify-upload", NEW)
    seen = cloud_run.standing("classify-upload")
    roll_back(cloud_run, SERVICES[:1])
    with pytest.raises(TrafficMoved):
        cloud_run.set_traffic(seen, (Target(NEW_REVISION, 100),))
    assert cloud_run.standing("classify-upload").champion == OLD_REVISION


def test_cloud_run_shadow_is_a_second_job_over_the_archive(server: FakeCloudRun, cloud_run: CloudRun) -> None:
    assert cloud_run.shadow(Change(bundle="/models/roses_v2")) == "classify-backlog-shadow-abcde"
    [job] = server.runs
    [container] = job["template"]["template"]["containers"]
    assert container["args"] == ["--bucket", "p-archive", "--keep"]
    settings = {variable["name"]: variable["value"] for variable in container["env"]}
    assert settings == {"ARCHIVE_BUCKET": "p-archive", "MODEL_BUNDLE": "/models/roses_v2", "SHADOW": "true"}
    assert job["template"]["template"]["serviceAccount"] == "backlog@p"
    assert server.jobs["classify-backlog"]["template"]["template"]["containers"][0].get("args") is None


@pytest.mark.parametrize("status", [400, 403])
def test_cloud_run_refusal_is_an_error_that_names_the_call(
    server: FakeCloudRun, cloud_run: CloudRun, status: int
) -> None:
    server.refuses_with = status
    with pytest.raises(ReleaseRefused, match="reading the service classify-upload"):
        cloud_run.standing("classify-upload")


def test_cloud_run_missing_service_is_refused(cloud_run: CloudRun) -> None:
    with pytest.raises(ReleaseRefused, match="no service classify-nothing"):
        cloud_run.standing("classify-nothing")


OF_ANY_CLIENT = [kind for kind in raised_by_clients() if kind.__module__ != "google.cloud.storage.exceptions"]


@pytest.mark.parametrize("kind", OF_ANY_CLIENT, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_cloud_run_client_errors_are_translated(kind: type[BaseException]) -> None:
    expected: type[Exception] = PlatformUnavailable
    if issubclass(kind, api.Conflict):
        expected = TrafficMoved
    elif issubclass(kind, (api.BadRequest, api.Unauthorized, api.Forbidden, api.NotFound)):
        expected = ReleaseRefused
    error = instance_of(kind)
    with pytest.raises(expected, match="While looking") as raised, translate_errors("looking"):
        raise error
    assert raised.value.__cause__ is error


def test_cloud_run_unavailable_is_transient_and_refused_is_not() -> None:
    assert issubclass(PlatformUnavailable, Transient)
    assert not issubclass(ReleaseRefused, Transient)
    with pytest.raises(ZeroDivisionError), translate_errors("looking"):  # a bug must be seen
        raise ZeroDivisionError
