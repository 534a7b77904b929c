"""The smoke test of a deployment: it does its work once, and does it well enough on labelled pictures."""

from __future__ import annotations

import json
import math
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.errors import BadRequest
from shared.images.files import files_under
from shared.parsing.gs_uri import SCHEME, parse_gs_uri
from shared.pipeline.probe import MARK
from shared.ports import ObjectStore, Warehouse
from shared.release.confidence_bounds import Z, wilson_interval
from shared.types import ObjectRef

LARGEST_BYTES = 20 * 1024 * 1024
POLL_S, SLOWEST_POLL_S = 1.0, 15.0
"""Each look for a row is paid for, so they grow rarer."""

TIMEOUT_S = 60

ROWS = """
SELECT prediction_id, upload_id, label, call.service AS service, call.revision AS revision
FROM predictions_by_model
WHERE call.is_shadow IS NOT TRUE
  AND uploaded_on >= DATE_SUB(CURRENT_DATE(), INTERVAL 1 DAY)
  AND (prediction_id IN UNNEST(@ids) OR upload_id IN UNNEST(@ids))
"""
"""Without the day each query would scan all rows; yesterday is included because midnight may pass."""


@dataclass(frozen=True, slots=True)
class Demands:
    """The demands on the answers for the golden set."""

    min_accuracy: float = 0.9
    """Share that must be right beyond doubt: Wilson's lower bound, one-sided at 95 %. 0.9 is 95 right of 100."""
    max_p95_ms: float = 2000.0
    max_error_rate: float = 0.01


@dataclass(frozen=True, slots=True)
class Picture:
    """A labelled picture of the golden set."""

    label: str
    at: ObjectRef | Path
    """The picture: an object in a bucket, or a file of this machine."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to an HTTPS request."""

    status: int
    """0 where there was no answer."""
    milliseconds: float
    label: str | None = None
    prediction_id: str | None = None
    model: dict[str, Any] | None = None
    """The model that answered, by ``name``, ``version`` and ``digest``."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What the golden set came to."""

    pictures: int
    right: int
    """Pictures that were given their label; one without an answer counts as wrong."""
    error_rate: float
    p95_ms: float
    """95 of a hundred answers took no longer, as the caller saw it."""
    model: dict[str, Any] | None = None
    """The model that answered; None where there was no answer, or several models answered."""

    @property
    def accuracy(self) -> float:
        """Share of all pictures that were given their label, 0 to 1."""
        return self.right / self.pictures

    def faults(self, demands: Demands) -> Iterator[str]:
        """Yield a sentence for each demand that is not met."""
        least, shown = (
            wilson_interval(self.right, self.pictures)[0],
            f"{self.right} of {self.pictures} pictures are right",
        )
        if self.pictures < least_pictures(demands.min_accuracy):
            needed = f"{least_pictures(demands.min_accuracy)} at least to show {demands.min_accuracy:.1%}"
            yield f"the golden set has {self.pictures} pictures, expected {needed}"
        elif least < demands.min_accuracy:
            yield f"{shown}, which shows {least:.1%} at 95 % certainty, expected {demands.min_accuracy:.1%}"
        if self.error_rate > demands.max_error_rate:
            yield f"{self.error_rate:.1%} of the requests failed, expected at most {demands.max_error_rate:.1%}"
        if self.p95_ms > demands.max_p95_ms:
            yield f"the slowest 5 % took more than {self.p95_ms:.0f} ms, expected at most {demands.max_p95_ms:.0f}"


def least_pictures(min_accuracy: float) -> int:
    """Return how many pictures, all right, show an accuracy (0 to less than 1) at 95 % certainty.

    Solves Wilson's lower bound of n hits of n for n: n / (n + z²) = accuracy.
    """
    return max(1, math.ceil(min_accuracy * Z * Z / (1 - min_accuracy) - 1e-9))


def golden_set(store: ObjectStore, location: str) -> list[Picture]:
    """List labelled pictures: ``gs://BUCKET/FOLDER/LABEL/NAME``, or the files of a folder with a sub-folder a label.

    Raises:
        BadRequest: ``location`` is neither, or there are no pictures in its sub-folders.
        StorageUnavailable: the listing failed.
    """
    pictures = list(_in_bucket(store, location) if location.startswith(SCHEME) else _in_folder(Path(location)))
    if not pictures:
        raise BadRequest(f"There are no pictures in {location}; put some at {location.rstrip('/')}/LABEL/NAME.")
    return pictures


def content_of(store: ObjectStore, picture: Picture) -> bytes:
    """Return a picture's bytes.

    Raises:
        StorageUnavailable: no answer within the deadline.
        OSError: the file cannot be read.
    """
    return picture.at.read_bytes() if isinstance(picture.at, Path) else store.read(picture.at, LARGEST_BYTES)


def _in_bucket(store: ObjectStore, uri: str) -> Iterator[Picture]:
    try:
        location = parse_gs_uri(uri.rstrip("/"))
    except ValueError as error:
        raise BadRequest(
            f"The golden set is {uri!r}, expected gs://BUCKET/FOLDER, or a folder of this machine."
        ) from error
    folder = location.name
    for upload in store.uploads(location.bucket, f"{folder}/"):
        label, _, name = upload.ref.name.removeprefix(f"{folder}/").partition("/")
        if name:
            yield Picture(label, upload.ref)


def _in_folder(folder: Path) -> Iterator[Picture]:
    if folder == Path() or not folder.is_dir():
        raise BadRequest(f"The golden set is {str(folder)!r}, expected a folder that exists, or gs://BUCKET/FOLDER.")
    for file in files_under(folder):
        label, *rest = file.relative_to(folder).parts
        if rest:
            yield Picture(label, file)


def ask(url: str, token: str | None, content: bytes, *, record: bool) -> Answer:
    """Classify a file by classify-request, with a row if ``record``. Never raises for an answer."""
    address = f"{url.rstrip('/')}/v1/classify{'' if record else '?record=false'}"
    headers = {"Content-Type": "application/octet-stream", **MARK} | (
        {"Authorization": f"Bearer {token}"} if token else {}
    )
    request = urllib.request.Request(address, content, headers)  # noqa: S310  # an address that the caller typed
    began = time.monotonic()
    status, answer = 0, {}
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310
            status, answer = response.status, json.load(response)
    except urllib.error.HTTPError as error:
        status = error.code
    except (OSError, ValueError):
        pass  # no answer, or none that is JSON
    took_ms = (time.monotonic() - began) * 1000
    return Answer(status, took_ms, answer.get("label"), answer.get("prediction_id"), answer.get("model"))


def measure(
    store: ObjectStore, pictures: list[Picture], classify: Callable[[bytes], Answer], threads: int = 4
) -> Figures:
    """Classify every picture, several in parallel, and return the figures.

    Raises:
        StorageUnavailable: a picture cannot be read.
    """
    with ThreadPoolExecutor(threads, thread_name_prefix="smoke") as pool:
        answers = list(pool.map(lambda picture: classify(content_of(store, picture)), pictures))
    right = sum(answer.label == picture.label for answer, picture in zip(answers, pictures, strict=True))
    failed = sum(answer.status != 200 for answer in answers)
    times = sorted(answer.milliseconds for answer in answers)
    slowest = times[math.ceil(0.95 * len(times)) - 1]
    models = {json.dumps(answer.model, sort_keys=True): answer.model for answer in answers if _is_model(answer.model)}
    model = next(iter(models.values())) if len(models) == 1 else None
    return Figures(len(answers), right, failed / len(answers), slowest, model)


def _is_model(model: Any) -> bool:
    """Return whether an answer names its model completely, which older and other servers do not."""
    return isinstance(model, dict) and {"name", "version", "digest"} <= model.keys()


def row_of(warehouse: Warehouse, id: str, timeout_s: float) -> dict[str, Any] | None:
    """Wait for the row of a prediction or an upload; return None after ``timeout_s`` seconds."""
    deadline, pause_s = time.monotonic() + timeout_s, POLL_S
    while True:
        rows = warehouse.query(ROWS, ids=[id]).rows
        if rows:
            return rows[0]
        if time.monotonic() >= deadline:
            return None
        time.sleep(pause_s)
        pause_s = min(1.5 * pause_s, SLOWEST_POLL_S)


def faults_in_row(what: str, row: dict[str, Any] | None, revision: str | None) -> Iterator[str]:
    """Yield the fault of a row: it is missing, or another revision wrote it."""
    if row is None:
        yield f"{what} has no row"
    elif revision and row["revision"] != revision:
        yield f"{what} was classified by {row['revision']}, expected {revision}: traffic goes to another revision"
