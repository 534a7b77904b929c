"""Releases on a local cloud in real processes: the user's commands, and the revisions that then serve."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.types import Correction
from tests.bundles.copies import write_bundle
from tests.pictures import encoded, smooth
from tests.release.bundles import write_good_bundle, write_worse_bundle
from tests.release.supervised_cloud import COPIES, PICTURES, Bucketlens, supervised

ROOT = Path(__file__).parents[2]
BY_LABELS = ("--latency-slack-ms", "60000", "--max-score-fall", "1")
"""Criteria on which neither a busy machine nor the split of the pictures decides."""

FEW = (*BY_LABELS, "--min-images", "8", "--min-shared", "4")
"""Criteria for a few images."""

UPLOAD, REQUEST = "classify-upload", "classify-request"


@pytest.fixture(scope="module")
def bucketlens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucketlens]:
    with supervised(tmp_path_factory.mktemp("release")) as bucketlens:
        yield bucketlens


@pytest.fixture(scope="module")
def worse(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_worse_bundle(tmp_path_factory.mktemp("bundles") / "worse"))


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_good_bundle(tmp_path_factory.mktemp("bundles") / "good"))


def answered_by(url: str) -> str:
    """Return which version of the model answers an HTTPS call."""
    request = urllib.request.Request(f"{url}/v1/classify?record=false", encoded(smooth(96, 72), "JPEG"))
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(json.load(answer)["model"]["version"])


def test_local_champion_serves_everything_before_a_release(bucketlens: Bucketlens) -> None:
    service = bucketlens.service(UPLOAD)
    assert (service["champion"], service["challenger"]) == (f"{UPLOAD}-local", None)
    assert "bucketlens release canary" in bucketlens("release", "check", code=2)


def test_local_canary_of_a_worse_model_is_detected_and_rolled_back(bucketlens: Bucketlens, worse: str) -> None:
    bucketlens("release", "canary", "--bundle", worse, "--percent", "50")
    bucketlens("release", "check", *FEW, code=3)  # no picture was classified yet
    bucketlens.drop("worse")
    shown = json.loads(bucketlens("release", "check", "--json", *FEW, code=1))
    assert (shown["finding"], shown["agreed"]) == ("worse", 0)
    assert {shown[side]["rejected"] for side in ("champion", "challenger")} == {0}
    before = images_by_revision(bucketlens)
    assert sum(before.values()) == PICTURES * COPIES
    assert len(before) == 2
    assert f"{UPLOAD}-local serves 100 %" in bucketlens("release", "rollback")
    bucketlens.drop("after the rollback", copies=1)
    after = images_by_revision(bucketlens)
    assert after == before | {f"{UPLOAD}-local": before[f"{UPLOAD}-local"] + PICTURES}
    assert "nothing to roll back" in bucketlens("release", "rollback")


def test_local_promotion_of_a_worse_model_is_refused_without_anyway(bucketlens: Bucketlens, worse: str) -> None:
    """The evidence comes from the canary above."""
    bucketlens("release", "canary", "--bundle", worse, "--percent", "50", "--service", UPLOAD)
    refused = bucketlens("release", "promote", "--service", UPLOAD, *FEW, code=1)
    assert "Not promoted" in refused
    assert bucketlens.service(UPLOAD)["champion"] == f"{UPLOAD}-local"
    challenger = bucketlens.service(UPLOAD)["challenger"]
    bucketlens("release", "promote", "--service", UPLOAD, "--anyway", *FEW)
    assert bucketlens.service(UPLOAD)["champion"] == challenger
    bucketlens("release", "rollback", "--service", UPLOAD)
    assert bucketlens.service(UPLOAD)["champion"] == f"{UPLOAD}-local"


def test_local_challenger_of_another_name_is_refused(bucketlens: Bucketlens, tmp_path: Path) -> None:
    stranger = str(write_bundle(tmp_path / "stranger", "1.0", name="mini"))
    before = bucketlens.service(UPLOAD)
    refused = bucketlens("release", "canary", "--bundle", stranger, code=2)
    assert "is the model 'mini', expected one that is served: flowers" in " ".join(refused.split())
    assert bucketlens.service(UPLOAD) == before


def test_local_event_that_comes_twice_stays_with_its_revision(bucketlens: Bucketlens, worse: str) -> None:
    bucketlens("release", "canary", "--bundle", worse, "--percent", "50", "--service", UPLOAD)
    set_duplicates(bucketlens, 1.0)
    bucketlens.drop("twice", copies=1)
    set_duplicates(bucketlens, 0.0)
    sql = "SELECT event_id, COUNT(*) AS calls, COUNT(DISTINCT revision) AS revisions FROM calls GROUP BY event_id"
    calls = bucketlens.warehouse.query(sql).rows
    assert {call["revisions"] for call in calls} == {1}
    assert len(calls) >= PICTURES


def test_local_canary_that_is_worse_is_rolled_back_at_its_next_share(bucketlens: Bucketlens) -> None:
    """The challenger of the tests above is still on trial."""
    assert bucketlens.service(UPLOAD)["challenger"]
    bucketlens("release", "canary", "--percent", "60,100", "--service", UPLOAD, *FEW, code=1)
    service = bucketlens.service(UPLOAD)
    assert (service["champion"], service["challenger"]) == (f"{UPLOAD}-local", None)
    assert service["traffic"] == [{"revision": f"{UPLOAD}-local", "percent": 100, "tag": None}]


def test_local_canary_that_is_interrupted_leaves_the_champion_serving(bucketlens: Bucketlens, good: str) -> None:
    arguments = ("--folder", str(bucketlens.cloud.folder), "--bundle", good, "--percent", "10,50,100", "--wait", "600")
    canary = subprocess.Popen(
        [sys.executable, "-m", "shared.cli", "release", "canary", *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
    )
    give_up_at = time.monotonic() + 60
    while not bucketlens.service(UPLOAD)["challenger"]:
        assert time.monotonic() < give_up_at
    canary.send_signal(signal.SIGKILL)
    canary.wait()
    for name in (UPLOAD, REQUEST):
        assert bucketlens.service(name)["champion"] == f"{name}-local"
    bucketlens.drop("interrupted", copies=1)  # which waits until all have their rows
    bucketlens("release", "rollback")


def test_local_canary_that_is_good_is_promoted_after_its_check(bucketlens: Bucketlens, good: str) -> None:
    steps = ("--percent", "50,100", "--every", "0.1")
    bucketlens("release", "canary", "--bundle", good, *steps, *FEW, code=3)  # and it keeps its share
    assert bucketlens.service(UPLOAD)["traffic"][1]["percent"] == 50
    bucketlens.drop("good", copies=3)
    bucketlens("release", "check", *FEW)
    bucketlens("release", "promote")
    service = bucketlens.service(UPLOAD)
    assert (service["previous"], service["challenger"]) == (f"{UPLOAD}-local", None)
    assert service["champion"] != f"{UPLOAD}-local"


def test_local_front_follows_the_release_over_https(bucketlens: Bucketlens) -> None:
    """After the promotion above."""
    front = json.loads(bucketlens("release", "status", "--json"))["https"]
    version = model_at(front)
    bucketlens("release", "rollback")
    assert f"{model_at(front)}.1" == version  # as the good bundle calls itself


def test_local_corrections_by_people_decide_which_is_worse(bucketlens: Bucketlens, worse: str) -> None:
    bucketlens("release", "canary", "--bundle", worse, "--percent", "50")
    bucketlens.drop("corrected", copies=2)
    champions = bucketlens.warehouse.query(
        "SELECT prediction_id, label FROM latest_predictions "
        "WHERE image.name LIKE 'corrected/%' AND call.revision = 'classify-upload-local'"
    ).rows
    for number, row in enumerate(champions):
        right = Correction(f"{number:064}", row["prediction_id"], row["label"], None, datetime.now(UTC))
        bucketlens.warehouse.append(right)
    criteria = ("--min-shared", "1000", "--min-judged", "4", *BY_LABELS)
    shown = json.loads(bucketlens("release", "check", "--json", *criteria, code=1))
    assert shown["why"] == "the challenger is worse by corrections by people"
    assert shown["champion"]["corrected"] == 0
    bucketlens("release", "rollback")


def test_local_shadow_sees_the_same_pictures_and_its_rows_count_nowhere(bucketlens: Bucketlens, worse: str) -> None:
    bucketlens.drop("shadowed", copies=1)
    count = "SELECT COUNT(*) AS images, COUNT(DISTINCT upload_id) AS uploads FROM latest_predictions"
    before = bucketlens.warehouse.query(count).rows
    for _ in range(2):  # the second time there is nothing left to see
        output = bucketlens("release", "canary", "--shadow", "--bundle", worse)
    assert bucketlens.warehouse.query(count).rows == before
    shadows = "SELECT COUNT(*) AS rows_ FROM predictions WHERE call.is_shadow"
    assert bucketlens.warehouse.query(shadows).rows == [{"rows_": PICTURES}]
    run = output.split("--shadow ")[1].split()[0]
    shown = json.loads(bucketlens("release", "check", "--json", "--shadow", run, *FEW, code=1))
    assert (shown["shared"], shown["agreed"]) == (PICTURES, 0)
    assert bucketlens.service(UPLOAD)["challenger"] is None


def images_by_revision(bucketlens: Bucketlens) -> dict[str, int]:
    rows = bucketlens.warehouse.query(
        "SELECT call.revision AS revision, COUNT(*) AS images FROM latest_predictions GROUP BY revision"
    ).rows
    return {row["revision"]: row["images"] for row in rows}


def model_at(url: str) -> str:
    """Return which version of the model answers an HTTPS call."""
    call = urllib.request.Request(f"{url}/v1/classify?record=false", encoded(smooth(96, 72), "JPEG"))
    with urllib.request.urlopen(call, timeout=30) as answer:
        return str(json.load(answer)["model"]["version"])


def set_duplicates(bucketlens: Bucketlens, share: float) -> None:
    body, kind = json.dumps({"duplicates": share}).encode(), {"Content-Type": "application/json"}
    call = urllib.request.Request(f"{bucketlens.cloud.url('relay')}/disorder", body, kind, method="PUT")
    urllib.request.urlopen(call, timeout=10).close()
