"""``bucketlens smoke``."""

from __future__ import annotations

import sys
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from shared.cli.options import Places, console, places_options, remarks
from shared.cli.terminal import shown
from shared.errors import AlreadyDone, BadRequest, BucketlensError, Transient
from shared.operations.smoke_test import (
    Answer,
    Demands,
    Figures,
    ask,
    content_of,
    faults_in_row,
    golden_set,
    measure,
    row_of,
)
from shared.parsing.gs_uri import bucket_name
from shared.pipeline.ids import ImageIds

DEFAULTS = Demands()


@dataclass(frozen=True)
class Deployment:
    """What is tested."""

    places: Places
    bucket: str
    url: str
    token: str | None
    timeout_s: int

    def ask(self, content: bytes, *, record: bool = False) -> Answer:
        """Have a file classified over HTTPS."""
        return ask(self.url, self.token, content, record=record)


@click.command("smoke", short_help="Test a deployment from upload to row.")
@places_options
@click.option("--bucket", help="The upload bucket, gs://…; required with --project, unless --golden-only.")
@click.option("--url", help="Of classify-request; required with --project.")
@click.option("--caller", metavar="EMAIL", help="The service account to call as; with --project.")
@click.option(
    "--audience", metavar="URL", help="What the token is made out to, if not --url: a tagged revision's service."
)
@click.option("--golden-only", is_flag=True, help="Classify the golden set, and leave no row anywhere.")
@click.option(
    "--golden-set",
    "golden",
    required=True,
    metavar="FOLDER",
    help="Pictures, in a folder for each label: a folder of this machine, or gs://B/F.",
)
@click.option("--upload-revision", metavar="R", help="Of classify-upload, that must have written the upload's row.")
@click.option("--request-revision", metavar="R", help="Of classify-request, that must have written the request's row.")
@click.option("--min-accuracy", type=click.FloatRange(0, 0.999), default=DEFAULTS.min_accuracy, show_default=True)
@click.option("--max-p95-ms", type=click.FloatRange(0), default=DEFAULTS.max_p95_ms, show_default=True)
@click.option("--max-error-rate", type=click.FloatRange(0, 1), default=DEFAULTS.max_error_rate, show_default=True)
@click.option("--timeout", type=click.IntRange(1), default=300, show_default=True, help="Seconds to wait for a row.")
def command(
    places: Places,
    bucket: str | None,
    url: str | None,
    caller: str | None,
    audience: str | None,
    golden_only: bool,
    golden: str,
    upload_revision: str | None,
    request_revision: str | None,
    min_accuracy: float,
    max_p95_ms: float,
    max_error_rate: float,
    timeout: int,
) -> None:
    """Drop one picture and wait for its row, call once with a token, and classify the golden set.

    Both rows must be by the revisions that are named, or else something old was tested. The golden set's pictures
    leave no rows. Its accuracy counts at 95 % certainty (Wilson's lower bound), so a small set shows little: 0.9 takes
    25 pictures that are all right, or 95 right of 100.

    Exit codes: 0 it works, and well enough; 1 it does not, and each fault is named; 2 it cannot be tested as typed.

    \b
    Example:
      bucketlens smoke --golden-set golden/
      bucketlens smoke --project my-project --bucket gs://my-uploads --url https://… --golden-set gs://my-pictures/flowers
    """
    demands = Demands(min_accuracy, max_p95_ms, max_error_rate)
    try:
        bucket = bucket or ("unused" if golden_only else None)
        deployment = _deployment(places, bucket, url, caller, audience, timeout)
        pictures = golden_set(places.store, golden)
        content = content_of(places.store, pictures[0])
        faults: list[str] = []
        if not golden_only:
            faults = [*_dropped(deployment, content, upload_revision), *_called(deployment, content, request_revision)]
        if not faults:  # what does not work at all need not be measured
            figures = measure(places.store, pictures, deployment.ask)
            _print(figures)
            faults = list(figures.faults(demands))
    except OSError as error:
        raise click.UsageError(f"The golden set cannot be read: {error.strerror}.") from error
    except (BadRequest, AlreadyDone) as error:
        raise click.UsageError(str(error)) from error
    except Transient as error:
        faults = [str(error)]
    for fault in faults:
        remarks.print(f"✗ {fault}", style="red", markup=False, soft_wrap=True)
    sys.exit(1 if faults else 0)


def _deployment(
    places: Places, bucket: str | None, url: str | None, caller: str | None, audience: str | None, timeout_s: int
) -> Deployment:
    if places.cloud:
        bucket, url = bucket or places.upload_bucket, url or places.cloud.url("classify_request")
    if not bucket or not url:
        raise BadRequest("--project needs --bucket and --url: what is tested.")
    token = None
    if caller:
        from shared.adapters.identity_token import identity_token

        token = identity_token(audience or url, caller)
    return Deployment(places, bucket_name(bucket), url, token, timeout_s)


def _dropped(deployment: Deployment, content: bytes, revision: str | None) -> Iterator[str]:
    """Upload a picture under a new name, and say what is wrong with its row."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture"
        path.write_bytes(content)
        ref = deployment.places.store.upload(deployment.bucket, f"smoke/{uuid.uuid4()}.jpg", path, is_probe=True)
    if ref is None:
        raise BucketlensError("A name that was just drawn by chance is taken.")
    upload_id = ImageIds.of_object(ref).upload_id
    row = row_of(deployment.places.warehouse, upload_id, deployment.timeout_s)
    yield from faults_in_row(f"the upload {ref.uri}", row, revision)
    if row:
        console.print(f"upload: {shown(row['label'])} by {shown(row['revision'])}", highlight=False)


def _called(deployment: Deployment, content: bytes, revision: str | None) -> Iterator[str]:
    """Send a request that leaves a row, and say what is wrong with either."""
    if deployment.token and (stranger := ask(deployment.url, None, content, record=False)).status not in (401, 403):
        remarks.print(f"! without a token the answer is {stranger.status}: the function is public", style="yellow")
    answer = deployment.ask(content, record=True)
    if answer.status != 200 or not answer.prediction_id:
        yield f"the request was answered with {answer.status}, expected 200"
        return
    row = row_of(deployment.places.warehouse, answer.prediction_id, deployment.timeout_s)
    yield from faults_in_row("the request", row, revision)
    if row:
        console.print(f"request: {shown(row['label'])} by {shown(row['revision'])}", highlight=False)


def _print(figures: Figures) -> None:
    console.print(
        f"golden set: {figures.right} of {figures.pictures} pictures right ({figures.accuracy:.1%}), "
        f"{figures.error_rate:.1%} failed, "
        f"95 % within {figures.p95_ms:.0f} ms",
        highlight=False,
    )
