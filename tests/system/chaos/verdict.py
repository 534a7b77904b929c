"""Judge whether the promises were kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.system.chaos.ledger import Ledger, Put
from tests.system.chaos.snapshot import Row, Snapshot

TRIED_TOO_OFTEN = "tried_too_often"


@dataclass
class Verdict:
    """A verdict on what was put in. ``lost`` and ``doubled`` are broken promises, and so is any complaint."""

    images_in: int = 0
    rows_out: int = 0
    predicted: int = 0
    rejected: int = 0
    superseded: int = 0
    """Generations overwritten before they were read, in a bucket that keeps no versions."""
    lost: int = 0
    doubled: int = 0
    repeated: int = 0
    """Rows in the tables beyond those that the views show; tables are promised at least once only."""
    complaints: list[str] = field(default_factory=list)

    def lose(self, what: str) -> None:
        """Count a loss, and describe it."""
        self.lost += 1
        self.complaints.append(f"lost: {what}")

    def double(self, what: str) -> None:
        """Count a duplicate, and describe it."""
        self.doubled += 1
        self.complaints.append(f"doubled: {what}")


def judge(ledger: Ledger, snapshot: Snapshot, *, keeps_versions: bool, at_rest: bool = True) -> Verdict:
    """Compare what was put in with what is there.

    Args:
        ledger: what was put in.
        snapshot: what is there.
        keeps_versions: whether the upload bucket does, so that nothing may be superseded.
        at_rest: whether all work should be finished, so that nothing may wait in the upload bucket.
    """
    verdict = Verdict(rows_out=snapshot.rows, repeated=snapshot.written - snapshot.rows)
    waiting = set(snapshot.waiting)
    newest: dict[str, int] = {}
    for put in ledger.puts:
        newest[put.ref.name] = max(newest.get(put.ref.name, 0), put.ref.generation)
    for put in ledger.puts:
        is_old = not keeps_versions and put.ref.generation < newest[put.ref.name]
        _judge_upload(verdict, put, snapshot, waits=put.ref in waiting, may_be_gone=is_old)
    _judge_unconfirmed(verdict, ledger, snapshot)
    _judge_rows(verdict, ledger, snapshot)
    _judge_callers(verdict, ledger, snapshot)
    verdict.complaints += _strangers(ledger, snapshot)
    if at_rest:
        verdict.complaints += [f"left in the upload bucket: {ref.name}#{ref.generation}" for ref in snapshot.waiting]
    return verdict


def _judge_upload(verdict: Verdict, put: Put, snapshot: Snapshot, *, waits: bool, may_be_gone: bool) -> None:
    """Judge one generation: predicted or rejected, once; never both, unless the sweep gave up on a recorded upload."""
    verdict.images_in += 1
    rows, failures = snapshot.predicted.get(put.upload_id, []), snapshot.rejected.get(put.upload_id, [])
    what = f"{put.ref.name}#{put.ref.generation}"
    verdict.predicted += bool(rows)
    verdict.rejected += bool(failures) and not rows
    gave_up = any(failure["reason"] == TRIED_TOO_OFTEN for failure in failures)
    if not rows and not failures and not waits:
        if may_be_gone:
            verdict.superseded += 1
        else:
            verdict.lose(f"{what} was uploaded and has no row")
    if len(rows) > 1 or len(failures) > 1 or (rows and failures and not gave_up):
        verdict.double(f"{what} has {len(rows)} predictions and {len(failures)} failures")
    for row in rows:
        if row["sha256"] != put.file.sha256:
            verdict.lose(f"the row of {what} is of other bytes")
    if (rows and not put.file.is_picture) or (failures and put.file.is_picture and not gave_up):
        verdict.lose(f"{what} was taken for {'a picture' if rows else 'no picture'}")


def _judge_unconfirmed(verdict: Verdict, ledger: Ledger, snapshot: Snapshot) -> None:
    """Judge uploads whose answer was lost, which are known by name only."""
    seen = {row["name"] for view in (snapshot.predicted, snapshot.rejected) for rows in view.values() for row in rows}
    waiting = {ref.name for ref in snapshot.waiting}
    for file in ledger.unconfirmed:
        verdict.images_in += 1
        verdict.predicted += file.is_picture and file.name in seen
        verdict.rejected += not file.is_picture and file.name in seen
        if file.name not in seen | waiting:
            verdict.lose(f"{file.name} was uploaded and has no row")


def _judge_rows(verdict: Verdict, ledger: Ledger, snapshot: Snapshot) -> None:
    """Check that each row's image is in the archive, and each failure's file in quarantine."""
    digests = {put.upload_id: put.file.sha256 for put in ledger.puts}
    for upload_id, rows in snapshot.predicted.items():
        for row in rows[:1]:
            if snapshot.archived.get(_name_in(row["archive_uri"])) != row["sha256"]:
                verdict.lose(f"the row of {row['name'] or upload_id} points at {row['archive_uri']}, which is not it")
    for upload_id, failures in snapshot.rejected.items():
        digest = snapshot.quarantined.get(_name_in(failures[0]["quarantine_uri"]))
        if digest is None or digest != digests.get(upload_id, digest):
            verdict.lose(f"{failures[0]['name']} is not in quarantine as {failures[0]['quarantine_uri']}")


def _judge_callers(verdict: Verdict, ledger: Ledger, snapshot: Snapshot) -> None:
    """Check that each caller that got 200 has a row, and exactly one."""
    rows: list[Row] = [row for rows in snapshot.predicted.values() for row in rows]
    times = {row["prediction_id"]: 0 for row in rows}
    for row in rows:
        times[row["prediction_id"]] += 1
    answered = {answer.prediction_id: answer for answer in ledger.answers if answer.prediction_id}
    verdict.images_in += len(answered)
    verdict.predicted += len(answered.keys() & times.keys())
    for prediction_id, answer in answered.items():
        if prediction_id not in times:
            verdict.lose(f"the caller of {answer.file.name} got 200 and has no row")
        elif times[prediction_id] > 1:
            verdict.double(f"the caller of {answer.file.name} has {times[prediction_id]} rows")


def _strangers(ledger: Ledger, snapshot: Snapshot) -> Iterator[str]:
    """Name the objects in the archive that were never put in, or that are not under their digest."""
    contents = ledger.contents
    for name, digest in snapshot.archived.items():
        if digest not in contents:
            yield f"archived, but never put in: {name}"
        elif digest not in name:
            yield f"archived under a digest that is not its own: {name}"


def _name_in(uri: str | None) -> str:
    return (uri or "").removeprefix("gs://").partition("/")[2]
