"""``bucketlens bundle publish``."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.progress import track

from shared.adapters.gcs import CloudStorage
from shared.bundles.bundle import load_bundle
from shared.bundles.publish import NotPublished, Publication
from shared.cli.bundle_names import folder_of
from shared.cli.options import DEADLINE_S, folder_option, remarks, required_cloud
from shared.cli.terminal import say
from shared.errors import InvalidBundle, StorageUnavailable
from shared.local.cloud import MODELS_BUCKET, PROJECT
from shared.parsing.gs_uri import bucket_name
from shared.parsing.setting_values import BUCKET_NAME
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
@click.option("--project", help="Use this Google Cloud project instead of the local cloud.")
@folder_option
def publish_bundle(bundle: str, to: str | None, project: str | None, folder: Path) -> None:
    """Upload a bundle to the models bucket as gs://BUCKET/NAME/VERSION/, from where a serving process can load it.

    The whole bundle is checked first. Only the files that the manifest names are uploaded, the manifest last. Nothing
    is overwritten: the same bundle again is a success, another bundle under the same version is refused. Run an
    interrupted command again to continue it.

    Exit codes: 0 the bundle is in the bucket; 1 it is invalid, or the version is taken, or the bucket does not answer;
    2 the arguments are invalid.

    \b
    Example:
      bucketlens bundle publish ./roses_v2
      bucketlens bundle publish ./roses_v2 --project my-project --to gs://my-models
    """
    name = bucket_name(to or (f"{project}-models" if project else MODELS_BUCKET))
    if not BUCKET_NAME.fullmatch(name):
        raise click.UsageError(
            f"--to is {to!r}, expected gs://BUCKET; the folder in it is always NAME/VERSION of the bundle."
        )
    endpoint = None if project else required_cloud(folder).url("storage")
    store = CloudStorage(project or PROJECT, DEADLINE_S, endpoint=endpoint)
    try:
        loaded = load_bundle(folder_of(bundle))
        with silence():
            open_classifier(loaded, threads=1)
        publication = Publication(store, name, loaded)
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
    manifest = loaded.manifest
    remarks.print(
        f"Serve it: MODEL_BUNDLE={publication.uri}; always the highest version: {publication.uri.rpartition('/')[0]}\n"
        f"Load it into a running service with MODEL_LOAD: curl -X POST URL/v2/repository/models/{manifest.name}/load",
        highlight=False,
        soft_wrap=True,
        markup=False,
    )
