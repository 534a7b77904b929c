"""What commands do to a model is recorded in `model_events`: on a local cloud, by the user's commands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from shared.bundles.bundle import load_bundle
from shared.bundles.folders import MODELS
from shared.settings import DEFAULT_BUNDLE
from tests.emulators.fault_client import FaultControl
from tests.release.bundles import write_good_bundle
from tests.release.supervised_cloud import Bucketlens, supervised

LENIENT = ("--latency-slack-ms", "60000", "--max-score-fall", "1", "--min-images", "8", "--min-shared", "4")
UPLOAD, REQUEST = "classify-upload", "classify-request"
SHIPPED = load_bundle(MODELS / DEFAULT_BUNDLE)
EVENTS = "SELECT * FROM model_events ORDER BY happened_at, event"


@pytest.fixture(scope="module")
def bucketlens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucketlens]:
    with supervised(tmp_path_factory.mktemp("recorded")) as bucketlens:
        yield bucketlens


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_good_bundle(tmp_path_factory.mktemp("bundles") / "good")


@pytest.fixture(scope="module")
def events(bucketlens: Bucketlens, good: Path) -> list[dict[str, Any]]:
    """The events of a whole release, each step typed twice where it may be repeated."""
    for _ in range(2):
        bucketlens("bundle", "publish", str(good))
    for _ in range(2):
        bucketlens("release", "canary", "--bundle", str(good), "--percent", "50")
    bucketlens.drop("seen by both")
    for _ in range(2):
        bucketlens("release", "check", *LENIENT)
    for _ in range(2):
        bucketlens("release", "promote", "--anyway")
    for _ in range(2):
        bucketlens("release", "rollback")
    return events_of(bucketlens)


def events_of(bucketlens: Bucketlens) -> list[dict[str, Any]]:
    """Return the events in order, each once."""
    rows = {row["event_id"]: row for row in reversed(bucketlens.warehouse.query(EVENTS).rows)}
    return list(reversed(rows.values()))


def test_release_is_recorded_step_by_step_and_a_repeated_step_once(events: list[dict[str, Any]]) -> None:
    steps = ["published", "configured", "canary", "checked", "promoted", "rolled_back"]
    assert [event["event"] for event in events] == steps


def test_recorded_release_names_model_parent_and_actor(events: list[dict[str, Any]], good: Path) -> None:
    bundle = load_bundle(good)
    assert {event["actor"] for event in events} == {psutil.Process().username()}
    model = {"name": "flowers", "version": "1.1", "digest": bundle.digest}
    assert [event["model"] for event in events] == [model] * len(events)
    assert [event["parent_digest"] for event in events] == [None, *[SHIPPED.digest] * 5]


def test_recorded_release_names_dataset_and_code_of_the_lineage(events: list[dict[str, Any]]) -> None:
    lineage = SHIPPED.manifest.lineage
    origins = {(event["dataset_fingerprint"], event["code_commit"]) for event in events if event["event"] != "checked"}
    assert origins == {(lineage["data"]["fingerprint"], lineage["code"]["commit"])}


def test_recorded_evidence_has_the_figures_that_were_shown(
    bucketlens: Bucketlens, events: list[dict[str, Any]]
) -> None:
    evidence = {event["event"]: event["evidence"] for event in events}
    assert evidence["published"]["uri"].endswith("/flowers/1.1")
    assert evidence["published"]["metrics"]["accuracy"] == SHIPPED.manifest.metrics["accuracy"]
    assert [service["service"] for service in evidence["canary"]["services"]] == [UPLOAD, REQUEST]
    assert evidence["canary"]["percent"] == 50
    assert {service["replaced"] for service in evidence["promoted"]["services"]} == {
        f"{UPLOAD}-local",
        f"{REQUEST}-local",
    }
    assert evidence["promoted"]["anyway"] is True
    assert evidence["checked"]["finding"] == "good"
    assert evidence["checked"]["challenger"]["images"] > 0
    assert "images" in {row["criterion"] for row in evidence["checked"]["evidence"]}


def test_release_without_a_table_of_events_works_and_warns(
    bucketlens: Bucketlens, events: list[dict[str, Any]], good: Path
) -> None:
    """As in a project whose account may not append, or that Terraform was not applied to."""
    faults = FaultControl(bucketlens.cloud.url("warehouse"))
    faults.set(status=403, path="/tables/model_events/")
    try:
        canary = ("release", "canary", "--bundle", str(good), "--percent", "20", "--service", UPLOAD)
        shown = bucketlens(*canary, has_remarks=True)
        after = bucketlens("release", "rollback", "--service", UPLOAD, has_remarks=True)
    finally:
        faults.clear()
    assert bucketlens.service(UPLOAD)["challenger"] is None
    assert "20 %" in shown
    for output in (shown, after):
        assert output.count("Done, but not recorded in model_events: ") == 1
    assert f"{UPLOAD}-local serves 100 %" in after
    assert events_of(bucketlens) == events


def test_shadow_and_golden_set_are_recorded_as_tests(
    bucketlens: Bucketlens, events: list[dict[str, Any]], good: Path, tmp_path: Path
) -> None:
    del events  # the release is over, and its pictures are in the archive
    bucketlens("release", "canary", "--shadow", "--bundle", str(good))
    golden = tmp_path / "golden" / "daisy"
    golden.mkdir(parents=True)
    [picture, *_] = sorted((bucketlens.cloud.folder / "images").rglob("*.jpg"))
    (golden / "one.jpg").write_bytes(picture.read_bytes())
    bucketlens("smoke", "--golden-only", "--golden-set", str(golden.parent), code=1)  # one picture proves nothing
    shadow, smoke = (event for event in events_of(bucketlens) if event["event"] == "tested")
    assert (shadow["evidence"]["by"], smoke["evidence"]["by"]) == ("shadow", "golden set")
    assert (shadow["model"]["version"], shadow["parent_digest"]) == ("1.1", SHIPPED.digest)
    assert (smoke["model"]["digest"], smoke["evidence"]["pictures"]) == (SHIPPED.digest, 1)
    assert len(smoke["evidence"]["faults"]) == 1
