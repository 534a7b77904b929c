"""The message of ``bucketlens up`` once it is ready: URLs, and the next commands."""

from __future__ import annotations

from shared.cli.bundle_names import typed_bundles
from shared.cli.options import typed_folder
from shared.local.cloud import Cloud
from shared.local.releases.ledger import SERVICES, path_of, read
from shared.local.releases.platform import LocalPlatform


def served_bundles(cloud: Cloud) -> str:
    """Return the bundles that each service serves after a release, as lines; empty without a release."""
    if read(path_of(cloud.folder)) is None:
        return ""
    lines = []
    for service in SERVICES:
        standing = LocalPlatform(cloud).standing(service)
        bundles = {revision.name: typed_bundles(revision.bundle or "") for revision in standing.revisions}
        shares = (f"{target.percent} % {bundles.get(target.revision)}" for target in standing.traffic if target.percent)
        lines.append(f"  {service} serves {', '.join(shares)}\n")
    return "\nAfter the last release (bucketlens release status):\n" + "".join(lines)


def what_to_type_next(cloud: Cloud) -> str:
    """Return the URLs of a local cloud, and commands that use it."""
    storage, warehouse = cloud.url("storage"), cloud.url("warehouse")
    option = typed_folder(cloud.folder)
    return f"""The local cloud is up; its data is in {cloud.folder}

Open {cloud.url("classify_request")} and drop pictures.

  classify_request  {cloud.url("classify_request")}
  Cloud Storage     {storage}
  BigQuery          {warehouse}
{served_bundles(cloud)}
Type next:
  bucketlens drop photo.jpg --wait{option}
  bucketlens query "SELECT image.name, label, score FROM latest_predictions"{option}
  curl --data-binary @photo.jpg {cloud.url("classify_request")}/v1/classify
  bq --api {warehouse} --oauth_access_token=local --project_id local query --nouse_legacy_sql "SELECT 1"
  CLOUDSDK_AUTH_DISABLE_CREDENTIALS=true CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE={storage}/storage/v1/ \\
    gcloud storage cp photo.jpg gs://bucketlens-uploads
"""
