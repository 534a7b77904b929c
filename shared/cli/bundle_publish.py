"""``bucketlens bundle publish``."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import click
from rich.progress import track

from shared.bundles.bundle import Bundle, load_bundle
from shared.bundles.publish import NotPublished, Publication
from shared.cli.bundle_names import folder_of
from shared.cli.event_record import EventRecord
from shared.cli.options import Deployment, deployment_options, remarks
from shared.cli.terminal import say
from shared.errors import InvalidBundle, StorageUnavailable
from shared.local.cloud import MODELS_BUCKET
from shared.parsing.gs_uri import bucket_name
from shared.parsing.setting_values import BUCKET_NAME
from shared.release.model_events import Event, ModelEvent, event_id_of
from shared.release.served_models import served_model
from shared.training.silence import silence
from shared.wiring import open_classifier


@click.command("publish", short_help="Upload a bundle to a models bucket.")
@click.argument("bundle")
@click.option(
    "--to",
    metavar="gs://BUCKET",
    envvar="MODELS_BUCKET",
    show_envvar=True,
    help="The models bucket.  [default: that of the local cloud, or with --project gs://PROJECT-models]",
)
@deployment_options
def publish_bundle(bundle: str, to: str | None, deployment: Deployment) -> None:
    """Upload a bundle to the models bucket as gs://BUCKET/NAME/VERSION/, from where a serving process can load it.

    The whole bundle is checked first. Only the files that the manifest names are uploaded, the manifest last. Nothing
    is overwritten: the same bundle again is a success, another bundle under the same version is refused. Run an
    interrupted command again to continue it. The publication is recorded in the table `model_events`; if that fails,
    the command prints a warning and the bundle is published nevertheless.

    Exit codes: 0 the bundle is in the bucket; 1 it is invalid, or the version is taken, or the bucket does not answer;
    2 the arguments are invalid.

    \b
    Example:
      bucketlens bundle publish ./roses_v2
      bucketlens bundle publish ./roses_v2 --project my-project --to gs://my-models
    """
    name = bucket_name(to or (MODELS_BUCKET if deployment.cloud else f"{deployment.project}-models"))
    if not BUCKET_NAME.fullmatch(name):
        raise click.UsageError(
            f"--to is {to!r}, expected gs://BUCKET; the folder in it is always NAME/VERSION of the bundle."
        )
    try:
        loaded = load_bundle(folder_of(bundle))
        with silence():
            open_classifier(loaded, threads=1)
        publication = Publication(deployment.store, name, loaded)
        steps = track(publication.steps(), "Publishing", len(publication.files), console=remarks, transient=True)
        created = [step for step in steps if step.is_new]
    except InvalidBundle as error:
        for fault in error.faults:
            say(f"✗ {fault}", err=True)
        sys.exit(1)
    except (NotPublished, StorageUnavailable) as error:
        say(f"✗ {error}", err=True)
        sys.exit(1)
    result = "is published" if created else "was already there, with the same bytes"
    say(f"✓ {publication.uri} {result}; digest {loaded.digest}")
    _record(deployment, publication, loaded)
    manifest = loaded.manifest
    remarks.print(
        f"Serve it: MODEL_BUNDLE={publication.uri}; always the highest version: {publication.uri.rpartition('/')[0]}\n"
        f"Load it into a running service with MODEL_LOAD: curl -X POST URL/v2/repository/models/{manifest.name}/load",
        highlight=False,
        soft_wrap=True,
        markup=False,
    )


def _record(deployment: Deployment, publication: Publication, bundle: Bundle) -> None:
    """Record the publication; the same bundle at the same URI is the same event."""
    record, published = EventRecord(deployment), served_model(bundle.manifest, bundle.digest)
    metrics = {name: value for name, value in bundle.manifest.metrics.items() if isinstance(value, int | float | str)}
    record.write(
        lambda: [
            ModelEvent(
                event_id=event_id_of(Event.PUBLISHED, publication.uri, bundle.digest),
                happened_at=datetime.now(UTC),
                event=Event.PUBLISHED,
                actor=record.actor,
                model=published.model,
                dataset_fingerprint=published.dataset_fingerprint,
                code_commit=published.code_commit,
                evidence={"uri": publication.uri, "files": len(publication.files), "metrics": metrics},
            )
        ]
    )
