"""``bucketlens monitor`` on a local cloud: from dropped drawings to each verdict, its exit code, page and event."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from click.testing import CliRunner
from PIL import Image

from shared.cli import main
from shared.operations.label import give_label
from tests.monitoring.profiled import profiled_copy
from tests.pictures import encoded, smooth
from tests.release.supervised_cloud import Bucketlens, supervised

PICTURES = 60
LATEST = ("--window", str(PICTURES), "--audit-share", "1")
EVENTS = """
SELECT event, actor, model.version AS version, JSON_VALUE(evidence, '$.state') AS state
FROM model_history
ORDER BY happened_at
"""


@dataclass(frozen=True)
class Deployment:
    """A local cloud that serves a bundle whose profile is of drawings."""

    bucketlens: Bucketlens
    folder: Path
    digest: str

    def drop(self, name: str, first: int, brightness: float) -> None:
        """Drop drawings that no one has dropped before."""
        folder = self.folder / name
        folder.mkdir()
        for seed in range(first, first + PICTURES):
            (folder / f"{seed}.jpg").write_bytes(drawing(seed, brightness))
        self.bucketlens("drop", str(folder), "--wait")

    def monitor(self, *options: str, code: int) -> dict[str, Any]:
        return dict(json.loads(self.bucketlens("monitor", "--json", *options, code=code)))

    def label(self, name: str, *, is_right: bool) -> None:
        """Label the pictures of a folder, as the model did or otherwise."""
        sql = "SELECT prediction_id, label FROM latest_predictions WHERE STARTS_WITH(image.name, @name[OFFSET(0)])"
        for row in self.bucketlens.warehouse.query(sql, name=[f"{name}/"]).rows:
            label = row["label"] if is_right else "none_of_these"
            give_label(self.bucketlens.cloud.url("classify_request"), None, row["prediction_id"], label, None)


def drawing(seed: int, brightness: float = 1.0) -> bytes:
    picture = Image.fromarray(smooth(96, 72, seed=seed))
    return encoded(picture.point(lambda value: int(value * brightness)), "JPEG", quality=90)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("monitored")
    bundle = profiled_copy(folder / "flowers_monitored", [drawing(seed) for seed in range(180)])
    with supervised(folder / "cloud", str(bundle.folder)) as bucketlens:
        yield Deployment(bucketlens, folder, bundle.digest)


@pytest.fixture(scope="module")
def verdicts(deployment: Deployment) -> dict[str, dict[str, Any]]:
    """The verdict after each step of a model's life, by what came before it."""
    found = {"nothing": deployment.monitor(code=3)}
    deployment.drop("usual", 1000, 1.0)
    found["usual"] = deployment.monitor(code=0)
    deployment.drop("dark", 2000, 0.4)
    deployment.label("dark", is_right=True)
    found["dark and right"] = deployment.monitor(*LATEST, code=0)
    deployment.label("dark", is_right=False)
    found["dark and wrong"] = deployment.monitor(*LATEST, code=1)
    return found


def test_monitor_reaches_each_verdict(verdicts: dict[str, dict[str, Any]]) -> None:
    assert {step: verdict["state"] for step, verdict in verdicts.items()} == {
        "nothing": "unknown",
        "usual": "steady",
        "dark and right": "drifting",
        "dark and wrong": "harmed",
    }
    assert {step: verdict["exit_code"] for step, verdict in verdicts.items()} == {
        "nothing": 3,
        "usual": 0,
        "dark and right": 0,
        "dark and wrong": 1,
    }


def test_monitor_names_what_drifted(verdicts: dict[str, dict[str, Any]]) -> None:
    drifted = {test["subject"] for test in verdicts["dark and right"]["drift"]["tests"] if test["is_found"]}
    assert drifted >= {"brightness", "contrast"}
    assert verdicts["dark and right"]["why"].endswith("harmless so far: the audited accuracy is above the floor.")
    assert verdicts["usual"]["why"] == "No drift in 9 tests."


def test_monitor_records_each_verdict(deployment: Deployment, verdicts: dict[str, dict[str, Any]]) -> None:
    rows = deployment.bucketlens.warehouse.query(EVENTS).rows
    assert [row["state"] for row in rows][: len(verdicts)] == [verdict["state"] for verdict in verdicts.values()]
    assert {(row["event"], row["actor"], row["version"]) for row in rows} == {
        ("verdict", psutil.Process().username(), "monitored")
    }


@pytest.mark.usefixtures("verdicts")
def test_monitor_records_nothing_in_a_dry_run(deployment: Deployment) -> None:
    before = deployment.bucketlens.warehouse.query(EVENTS).rows
    deployment.monitor(*LATEST, "--dry-run", code=1)
    assert deployment.bucketlens.warehouse.query(EVENTS).rows == before


@pytest.mark.usefixtures("verdicts")
def test_monitor_prints_the_verdict_its_evidence_and_the_proposal(deployment: Deployment) -> None:
    output = deployment.bucketlens("monitor", *LATEST, "--dry-run", code=1)
    assert f"model   flowers monitored ({deployment.digest[:12]})" in output
    assert ", 60 pictures\n" in output
    assert "brightness: median" in output
    assert "0.0% (0.0% to 6.0%) of 60 pictures of the audit sample are right" in " ".join(output.split())
    assert "harmed: The audited accuracy is below the floor, with drift in" in output
    assert "No retraining is proposed." in output


@pytest.mark.usefixtures("verdicts")
def test_monitor_writes_a_page(deployment: Deployment) -> None:
    page = deployment.folder / "verdict.html"
    deployment.monitor(*LATEST, "--report", str(page), "--dry-run", code=1)
    assert "Harmed" in page.read_text("utf-8")
    output = deployment.bucketlens("monitor", "--report", str(deployment.folder / "none" / "page.html"), code=1)
    assert "page.html cannot be written (No such file or directory)" in output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--since", "7"), "'7' is neither an age, such as 90m, 2h or 7d, nor a date"),
        (("--since", "2999-01-01"), "--since is 2999-01-01 00:00, expected a time in the past."),
        (("--window", "0"), "0 is not in the range x>=1"),
        (("--false-alarms", "0"), "0.0 is not in the range 0<x<=1"),
        (("--model", "cats"), "The model 'cats' is not served here, expected one of: flowers."),
        (("--bundle", "no_such_bundle"), "no_such_bundle"),
        (("--bundle", "flowers_v1,chest_xray_v1"), "2 models serve: flowers, chest_xray. Choose one with --model."),
        (("--bundle", "a=,"), "--bundle is a=,, expected"),
    ],
)
def test_monitor_refuses_bad_usage_with_a_sentence(
    deployment: Deployment, options: tuple[str, ...], message: str
) -> None:
    assert message in deployment.bucketlens("monitor", *options, code=2)


def test_monitor_refuses_malformed_variables(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONITOR_FALSE_ALARMS", "often")
    assert "MONITOR_FALSE_ALARMS is 'often', expected a number above 0" in deployment.bucketlens("monitor", code=2)


@pytest.mark.usefixtures("verdicts")
def test_monitor_of_a_bundle_without_a_profile_is_unknown(deployment: Deployment) -> None:
    chosen = deployment.monitor("--bundle", "chest_xray_v1", "--dry-run", code=3)
    assert chosen["why"].startswith("There are no rows")
    assert [model["name"] for model in chosen["other_models"]] == ["flowers"]


@pytest.mark.usefixtures("verdicts")
def test_monitor_judges_the_model_that_is_chosen(deployment: Deployment) -> None:
    chosen = deployment.monitor("--model", "flowers@monitored", *LATEST, "--dry-run", code=1)
    assert chosen["model"] == {"name": "flowers", "version": "monitored", "digest": deployment.digest}
    both = ("--bundle", f"{deployment.folder / 'flowers_monitored'},chest_xray_v1", "--dry-run")
    assert deployment.monitor(*both, "--model", "flowers", *LATEST, code=1)["state"] == "harmed"
    assert deployment.monitor(*both, "--model", "chest_xray", code=3)["model"]["name"] == "chest_xray"


def test_monitor_in_a_project_needs_a_region_or_a_bundle() -> None:
    result = CliRunner().invoke(main, ["monitor", "--project", "my-project"])
    assert result.exit_code == 2
    assert "--project needs --region, where the services run, or --bundle." in result.output
