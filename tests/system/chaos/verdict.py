"""The promises, and who broke them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.system.chaos.ledger import Ledger, Put
from tests.system.chaos.snapshot import Row, Snapshot

TRIED_TOO_OFTEN = "tried_too_often"


@dataclass
class Verdict:
    """What became of what was put in. ``lost`` and ``doubled`` are promises broken, and so is any complaint."""

    images_in: int = 0
    rows_out: int = 0
    predicted: int = 0
    rejected: int = 0
    superseded: int = 0
    """Overwritten before they were read, in a bucket that keeps no versions."""
    lost: int = 0
    doubled: int = 0
    repeated: int = 0
    """Rows in the tables beyond those that the views show: at least once is all that was promised there."""
    complaints: list[str] = field(default_factory=list)

    def lose(self, what: str) -> None:
        """Count something lost, and say what."""
        self.lost += 1
        self.complaints.append(f"lost: {what}")

    def double(self, what: str) -> None:
        """Count something doubled, and say what."""
        self.doubled += 1
        self.complaints.append(f"doubled: {what}")


def judge(ledger: Ledger, found: Snapshot, *, keeps_versions: bool, at_rest: bool = True) -> Verdict:
    """Hold what was put in against what is there.

    Args:
        ledger: what was put in.
        found: what is there.
        keeps_versions: whether the upload bucket does, so that nothing may be superseded.
        at_rest: whether all is said to be done, so that nothing may wait in the upload bucket.
    """
    verdict = Verdict(rows_out=found.rows, repeated=found.written - found.rows)
    waiting = set(found.waiting)
    newest: dict[str, int] = {}
    for put in ledger.puts:
        newest[put.ref.name] = max(newest.get(put.ref.name, 0), put.ref.generation)
    for put in ledger.puts:
        is_old = not keeps_versions and put.ref.generation < newest[put.ref.name]
        _judge_upload(verdict, put, found, waits=put.ref in waiting, may_be_gone=is_old)
    _judge_unconfirmed(verdict, ledger, found)
    _judge_rows(verdict, ledger, found)
    _judge_callers(verdict, ledger, found)
    verdict.complaints += _strangers(ledger, found)
    if at_rest:
        verdict.complaints += [f"left in the upload bucket: {ref.name}#{ref.generation}" for ref in found.waiting]
    return verdict


def _judge_upload(verdict: Verdict, put: Put, found: Snapshot, *, waits: bool, may_be_gone: bool) -> None:
    """One generation: predicted or rejected, once; never both, unless the sweep gave up on one that was recorded."""
    verdict.images_in += 1
    rows, failures = found.predicted.get(put.upload_id, []), found.rejected.get(put.upload_id, [])
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


def _judge_unconfirmed(verdict: Verdict, ledger: Ledger, found: Snapshot) -> None:
    """An upload whose answer was lost is known by its name only."""
    seen = {row["name"] for view in (found.predicted, found.rejected) for rows in view.values() for row in rows}
    waiting = {ref.name for ref in found.waiting}
    for file in ledger.unconfirmed:
        verdict.images_in += 1
        verdict.predicted += file.is_picture and file.name in seen
        verdict.rejected += not file.is_picture and file.name in seen
        if file.name not in seen | waiting:
            verdict.lose(f"{file.name} was uploaded and has no row")


def _judge_rows(verdict: Verdict, ledger: Ledger, found: Snapshot) -> None:
    """No row for an image that is not in the archive, none for a file that is not in quarantine."""
    digests = {put.upload_id: put.file.sha256 for put in ledger.puts}
    for upload_id, rows in found.predicted.items():
        for row in rows[:1]:
            if found.archived.get(_name_in(row["archive_uri"])) != row["sha256"]:
                verdict.lose(f"the row of {row['name'] or upload_id} points at {row['archive_uri']}, which is not it")
    for upload_id, failures in found.rejected.items():
        digest = found.quarantined.get(_name_in(failures[0]["quarantine_uri"]))
        if digest is None or digest != digests.get(upload_id, digest):
            verdict.lose(f"{failures[0]['name']} is not in quarantine as {failures[0]['quarantine_uri']}")


def _judge_callers(verdict: Verdict, ledger: Ledger, found: Snapshot) -> None:
    """Whoever was told 200 has a row, and one only."""
    rows: list[Row] = [row for rows in found.predicted.values() for row in rows]
    times = {row["prediction_id"]: 0 for row in rows}
    for row in rows:
        times[row["prediction_id"]] += 1
    told = {answer.prediction_id: answer for answer in ledger.answers if answer.prediction_id}
    verdict.images_in += len(told)
    verdict.predicted += len(told.keys() & times.keys())
    for prediction_id, answer in told.items():
        if prediction_id not in times:
            verdict.lose(f"the caller of {answer.file.name} was told 200 and has no row")
        elif times[prediction_id] > 1:
            verdict.double(f"the caller of {answer.file.name} has {times[prediction_id]} rows")


def _strangers(ledger: Ledger, found: Snapshot) -> Iterator[str]:
    """Name what lies in the archive and was never put in, or not under its digest."""
    contents = ledger.contents
    for name, digest in found.archived.items():
        if digest not in contents:
            yield f"archived, but never put in: {name}"
        elif digest not in name:
            yield f"archived under a digest that is not its own: {name}"


def _name_in(uri: str | None) -> str:
    return (uri or "").removeprefix("gs://").partition("/")[2]
