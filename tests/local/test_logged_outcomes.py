"""`bucketlens logs` finds outcomes in the local cloud's log files: by their fields, whole lines only, rotations too."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from shared.cli import main
from shared.local.cloud import Cloud, folder_lock
from shared.local.log_files import LONGEST_LINE_BYTES, Tail, fields_of_lines, rotate
from shared.logs import readable
from tests.pictures import encoded, smooth

NOW = datetime.now(UTC)
ID = "c" * 32


def line(name: str, age_s: float = 0, **fields: Any) -> str:
    """Return a line as a function logs it."""
    common = {"severity": "INFO", "message": f"rose 0.91: gs://b/{name}", "outcome": "predicted", "name": name}
    at = (NOW - timedelta(seconds=age_s)).isoformat()
    return json.dumps({**common, "time": at, "prediction_id": "p" * 64, "label": "rose", "score": 0.91, **fields})


FAILED = {"severity": "WARNING", "outcome": "rejected", "reason": "not_an_image", "failure_id": "f" * 64}


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    return tmp_path / "logs"


@pytest.fixture
def show(tmp_path: Path) -> Callable[..., Result]:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["logs", *arguments, "--folder", str(tmp_path)], env={"TZ": "UTC"})

    return run


def test_logs_show_an_outcome_with_the_id_of_its_row(logs: Path, show: Callable[..., Result]) -> None:
    (logs / "classify_upload.log").write_text(line("a.jpg", times={"total_ms": 12.3}) + "\n", "utf-8")
    (logs / "classify_request.log").write_text(line("b.txt", 5, **FAILED, label=None) + "\n", "utf-8")
    older, newer = show("--since", "1d").stdout.splitlines()
    assert older.split("  ")[1:] == ["classify_request", "rejected", "b.txt", "not_an_image", *both("p", "f")]
    assert newer.split("  ")[1:] == ["classify_upload", "predicted", "a.jpg", "rose 0.91", "12 ms", both("p", "f")[0]]


def both(prediction: str, failure: str) -> list[str]:
    return [f"prediction_id {prediction * 64}", f"failure_id {failure * 64}"]


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (("--since", "1d"), ["old.jpg", "failed.jpg", "new.jpg"]),
        (("--since", "1d", "--failures"), ["failed.jpg"]),
        (("--since", (NOW - timedelta(seconds=10)).isoformat()), ["new.jpg"]),
        (("--name", "OLD"), ["old.jpg"]),
        (("--trace", f"00-{ID}-{'1' * 16}-01"), ["failed.jpg"]),
        (("--since", "1d", "-n", "1"), ["new.jpg"]),
        (("classify-upload", "--since", "1d"), ["failed.jpg", "new.jpg"]),
        (("classify_backlog", "--since", "1d"), ["old.jpg"]),
        (("classify_upload-00002-abc", "--since", "1d"), ["failed.jpg"]),
    ],
)
def test_logs_are_chosen_by_options(
    logs: Path, show: Callable[..., Result], arguments: tuple[str, ...], names: list[str]
) -> None:
    trace = {"logging.googleapis.com/trace": f"projects/local/traces/{ID}"}
    (logs / "classify_backlog.log").write_text(line("old.jpg", 900) + "\n", "utf-8")
    released = line("failed.jpg", 60, **FAILED, **trace) + "\n"
    (logs / "classify_upload-00002-abc.log").write_text(released, "utf-8")
    (logs / "classify_upload.log").write_text(line("new.jpg") + "\n", "utf-8")
    (logs / "relay.log").write_text(line("of-another-part.jpg") + "\n", "utf-8")
    done = show(*arguments, "--json")
    assert done.exit_code == 0, done.output
    assert [json.loads(text)["name"] for text in done.stdout.splitlines()] == names


def test_logs_leave_out_lines_that_are_not_whole_or_not_ours(logs: Path) -> None:
    whole, huge = line("whole.jpg"), line("huge.jpg", message="x" * (3 * LONGEST_LINE_BYTES))
    lines = ["[2026-12-01 03:00:00 +0000] [1] [INFO] Starting gunicorn", huge, "[]", "null", "{}", whole]
    lines += ['{"severity": "INFO", "message": "m", "time": 1}', whole[:-20], whole, "[" * 100_000, whole[:40]]
    log = logs / "classify_upload.log"
    log.write_bytes(b"\xff\xfe\n" + "\n".join(lines).encode())
    assert [fields["name"] for fields in fields_of_lines(log)] == ["whole.jpg"] * 2


def test_logs_have_the_lines_of_a_rotation(logs: Path, show: Callable[..., Result]) -> None:
    log = logs / "classify_upload.log"
    log.write_text(line("before.jpg", 5) + "\n", "utf-8")
    rotate(logs, largest_bytes=10)
    with log.open("a", encoding="utf-8") as writer:
        writer.write(line("after.jpg") + "\n")
    shown = show("--since", "1d", "--json").stdout.splitlines()
    assert [json.loads(text)["name"] for text in shown] == ["before.jpg", "after.jpg"]


def test_logs_escape_names_so_that_an_outcome_stays_one_line(logs: Path, show: Callable[..., Result]) -> None:
    (logs / "classify_upload.log").write_text(line("a\n\x1b[31m\u202e.jpg") + "\n", "utf-8")
    [shown] = show("--since", "1d").stdout.splitlines()
    assert r"a\n\x1b[31m\u202e.jpg" in shown


def test_logs_without_an_outcome_say_so_and_succeed(logs: Path, show: Callable[..., Result]) -> None:
    for arguments, what in ((("--since", "1d"), "No outcome was logged since"), (("--failures",), "No failure was")):
        done = show(*arguments)
        assert (done.exit_code, done.stdout) == (0, "")
        assert what in done.stderr
    assert logs.is_dir()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nothing", "--since", "1d"), "There is no function 'nothing', expected one of: classify-request"),
        (("--trace", "rose"), "The trace is 'rose', expected 32 hex digits"),
        (("--since", "soon"), "'soon' is neither an age, such as 90m, 2h or 7d, nor a date"),
        (("--failures", "-f", "classify_upload"), "--follow shows the lines of one part"),
    ],
)
def test_logs_refuse_what_they_cannot_find(
    logs: Path, show: Callable[..., Result], arguments: tuple[str, ...], message: str
) -> None:
    assert logs.is_dir()
    done = show(*arguments)
    assert done.exit_code == 2
    assert message in " ".join(done.stderr.split())


def test_logs_without_a_local_cloud_name_the_command_that_starts_it(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["logs", "--failures", "--folder", str(tmp_path / "nowhere")])
    assert done.exit_code == 2
    assert "bucketlens up" in done.stderr


def test_logs_of_a_part_show_our_lines_as_text(logs: Path, show: Callable[..., Result]) -> None:
    failed = line("b\n.jpg", severity="WARNING", message="not_an_image: b\n.jpg", stack_trace="Traceback:\n  File x\n")
    (logs / "classify_upload.log").write_text(f"Starting\n{failed}\n", "utf-8")
    moment = NOW.astimezone().strftime("%H:%M:%S")
    shown = show("classify_upload").stdout.splitlines()
    assert shown == ["Starting", rf"{moment} ! not_an_image: b\n.jpg", "    Traceback:", "      File x"]


def test_tail_shows_a_line_when_it_is_whole(tmp_path: Path) -> None:
    log, text = tmp_path / "classify_upload.log", line("ü.jpg") + "\n"
    tail, content = Tail(log), text.encode()
    for end, expected in ((40, ""), (len(content) - 1, ""), (len(content), readable(text.strip()) + "\n")):
        log.write_bytes(content[:end])
        assert tail.read_new() == expected


def test_logs_say_what_happened_to_pictures_of_the_local_cloud(cloud: Cloud, tmp_path: Path) -> None:
    """From the file to the line, and from the line to the row."""
    mark = os.urandom(6).hex()
    folder = tmp_path / mark
    folder.mkdir()
    (folder / "good.jpg").write_bytes(encoded(smooth(96, 72, seed=1), "JPEG"))
    (folder / "bad.jpg").write_bytes(b"This is a shopping list: bread, milk and a dozen eggs.")
    cloud.save()

    def run(*arguments: str) -> Result:
        with folder_lock(cloud.folder):
            return CliRunner().invoke(main, [*arguments, "--folder", str(cloud.folder)])

    run("drop", str(folder), "--wait")
    shown = run("logs", "--name", mark, "--json")
    outcomes = {Path(outcome["name"]).name: outcome for outcome in map(json.loads, shown.stdout.splitlines())}
    assert {name: outcome["outcome"] for name, outcome in outcomes.items()} == {
        "good.jpg": "predicted",
        "bad.jpg": "rejected",
    }
    good, bad = outcomes["good.jpg"], outcomes["bad.jpg"]
    rows = f"SELECT label FROM predictions WHERE prediction_id = '{good['prediction_id']}'"
    assert json.loads(run("query", rows, "--format", "json").stdout)["label"] == good["label"]
    rows = f"SELECT reason FROM failures WHERE failure_id = '{bad['failure_id']}'"
    assert json.loads(run("query", rows, "--format", "json").stdout)["reason"] == bad["reason"]
    failures = run("logs", "--failures", "--name", mark, "--json").stdout.splitlines()
    assert [json.loads(text)["failure_id"] for text in failures] == [bad["failure_id"]]
    traced = run("logs", "--trace", good["trace"], "--json").stdout.splitlines()
    assert good in [json.loads(text) for text in traced]
