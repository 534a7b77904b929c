"""``bucketlens smoke``."""

from __future__ import annotations

import sys
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from shared.cli.event_record import EventRecord
from shared.cli.options import Deployment, console, deployment_options, remarks
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
from shared.release.model_events import Event, EventModel, ModelEvent

DEFAULTS = Demands()


@dataclass(frozen=True)
class TestedDeployment:
    """The deployment under test."""

    deployment: Deployment
    bucket: str
    url: str
    token: str | None
    timeout_s: int

    def ask(self, content: bytes, *, record: bool = False) -> Answer:
        """Classify a file over HTTPS."""
        return ask(self.url, self.token, content, record=record)


@click.command("smoke", short_help="Test a deployment from upload to row.")
@deployment_options
@click.option("--bucket", help="The upload bucket, gs://…; required with --project, unless --golden-only.")
@click.option("--url", help="The URL of classify-request; required with --project.")
@click.option("--caller", metavar="EMAIL", help="Call as this service account; with --project.")
@click.option(
    "--audience",
    metavar="URL",
    help="The audience of the token, if it is not --url: for a tagged revision, the URL of its service.",
)
@click.option("--golden-only", is_flag=True, help="Classify only the golden set, which leaves no rows.")
@click.option(
    "--golden-set",
    "golden",
    required=True,
    metavar="FOLDER",
    help="The golden set: a local folder or gs://B/F, with a sub-folder of pictures for each label.",
)
@click.option(
    "--upload-revision", metavar="R", help="The revision of classify-upload that must have written the upload's row."
)
@click.option(
    "--request-revision", metavar="R", help="The revision of classify-request that must have written the request's row."
)
@click.option(
    "--min-accuracy",
    type=click.FloatRange(0, 0.999),
    default=DEFAULTS.min_accuracy,
    show_default=True,
    help="Fail if the accuracy is below this at 95 % certainty.",
)
@click.option(
    "--max-p95-ms",
    type=click.FloatRange(0),
    default=DEFAULTS.max_p95_ms,
    show_default=True,
    help="Fail if the 95th percentile of latency is above this.",
)
@click.option(
    "--max-error-rate",
    type=click.FloatRange(0, 1),
    default=DEFAULTS.max_error_rate,
    show_default=True,
    help="Fail if a larger share of requests fails.",
)
@click.option("--timeout", type=click.IntRange(1), default=300, show_default=True, help="Seconds to wait for a row.")
def command(
    deployment: Deployment,
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
    """Test a deployment: upload a picture and wait for its row, send a request, and classify the golden set.

    Both rows must be by the given revisions, so that no old revision is tested. The pictures of the golden set leave
    no rows; its figures are recorded in the table `model_events`. Its accuracy counts at 95 % certainty (Wilson's lower
    bound), so a small set proves little: 0.9 needs 25 pictures of 25 right, or 95 of 100.

    Exit codes: 0 the deployment works well enough; 1 it does not, and each fault is named; 2 the arguments are invalid.

    \b
    Example:
      bucketlens smoke --golden-set golden/
      bucketlens smoke --project my-project --bucket gs://my-uploads --url https://… --golden-set gs://my-pictures/flowers
    """
    demands = Demands(min_accuracy, max_p95_ms, max_error_rate)
    try:
        bucket = bucket or ("unused" if golden_only else None)
        tested = _tested_deployment(deployment, bucket, url, caller, audience, timeout)
        pictures = golden_set(deployment.store, golden)
        content = content_of(deployment.store, pictures[0])
        faults: list[str] = []
        if not golden_only:
            faults = [*_dropped(tested, content, upload_revision), *_called(tested, content, request_revision)]
        if not faults:  # a deployment that does not work need not be measured
            figures = measure(deployment.store, pictures, tested.ask)
            _print(figures)
            faults = list(figures.faults(demands))
            _record(deployment, figures, faults)
    except OSError as error:
        raise click.UsageError(f"The golden set cannot be read: {error.strerror}.") from error
    except (BadRequest, AlreadyDone) as error:
        raise click.UsageError(str(error)) from error
    except Transient as error:
        faults = [str(error)]
    for fault in faults:
        remarks.print(f"✗ {fault}", style="red", markup=False, soft_wrap=True)
    sys.exit(1 if faults else 0)


def _tested_deployment(
    deployment: Deployment,
    bucket: str | None,
    url: str | None,
    caller: str | None,
    audience: str | None,
    timeout_s: int,
) -> TestedDeployment:
    if deployment.cloud:
        bucket, url = bucket or deployment.upload_bucket, url or deployment.cloud.url("classify_request")
    if not bucket or not url:
        raise BadRequest("--project needs --bucket and --url: the deployment to test.")
    token = None
    if caller:
        from shared.adapters.identity_token import identity_token

        token = identity_token(audience or url, caller)
    return TestedDeployment(deployment, bucket_name(bucket), url, token, timeout_s)


def _dropped(tested: TestedDeployment, content: bytes, revision: str | None) -> Iterator[str]:
    """Upload a picture under a new name, and yield the faults of its row."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture"
        path.write_bytes(content)
        ref = tested.deployment.store.upload(tested.bucket, f"smoke/{uuid.uuid4()}.jpg", path, is_probe=True)
    if ref is None:
        raise BucketlensError("The random name of the upload is already taken; run the command again.")
    upload_id = ImageIds.of_object(ref).upload_id
    row = row_of(tested.deployment.warehouse, upload_id, tested.timeout_s)
    yield from faults_in_row(f"the upload {ref.uri}", row, revision)
    if row:
        console.print(f"upload: {shown(row['label'])} by {shown(row['revision'])}", highlight=False)


def _called(tested: TestedDeployment, content: bytes, revision: str | None) -> Iterator[str]:
    """Send a request that leaves a row, and yield the faults of the answer and the row."""
    if tested.token and (anonymous := ask(tested.url, None, content, record=False)).status not in (401, 403):
        remarks.print(f"! without a token the answer is {anonymous.status}: the function is public", style="yellow")
    answer = tested.ask(content, record=True)
    if answer.status != 200 or not answer.prediction_id:
        yield f"the request was answered with {answer.status}, expected 200"
        return
    row = row_of(tested.deployment.warehouse, answer.prediction_id, tested.timeout_s)
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


def _record(deployment: Deployment, figures: Figures, faults: list[str]) -> None:
    """Record the figures of the golden set, for the model that answered."""
    record, tested = EventRecord(deployment), figures.model
    evidence = {"by": "golden set", **asdict(figures), "accuracy": figures.accuracy, "faults": faults}
    record.write(
        lambda: [
            ModelEvent(
                event_id=uuid.uuid4().hex,  # each measurement is a test of its own
                happened_at=datetime.now(UTC),
                event=Event.TESTED,
                actor=record.actor,
                model=EventModel(tested["name"], tested["version"], tested["digest"]) if tested else None,
                evidence=evidence,
            )
        ]
    )
