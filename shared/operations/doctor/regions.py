"""Check that functions can run in the region, and that images can be built there."""

from __future__ import annotations

from collections.abc import Iterator

from shared.adapters.google_rest import RestReader
from shared.errors import BadRequest
from shared.operations.doctor.findings import Finding, Verdict, fine

WITHOUT_RESTRICTION = (
    "asia-east1",
    "australia-southeast1",
    "europe-west1",
    "southamerica-east1",
    "us-central1",
    "us-west2",
)
"""Where every project may build; a restricted one, as new ones are, nowhere else
(https://cloud.google.com/build/docs/locations, "Restricted regions for some projects", read 2026-11-30)."""


def building(region: str) -> Iterator[Finding]:
    """Yield whether a project that Google restricts could build in a region; no API reports which are restricted."""
    if region in WITHOUT_RESTRICTION:
        yield fine("builds", f"every project may build in {region}")
    else:
        yield Finding(
            "builds",
            Verdict.NOTE,
            f"a new project may be refused builds in {region}: due to quota restrictions, cannot run builds …",
            f"If so, add to every apply: -var=build_region={_nearest(region)}",
        )


def running(google: RestReader, project: str, region: str) -> Iterator[Finding]:
    """Yield whether Cloud Run is in a region.

    Raises:
        BadRequest: it is in others, which are named.
    """
    regions = {
        location.get("locationId") for location in google.pages("run", f"v1/projects/{project}/locations", "locations")
    }
    if region not in regions:
        raise BadRequest(f"Cloud Run is not in {region!r}, expected one of {', '.join(sorted(map(str, regions)))}.")
    yield fine("region", f"Cloud Run is in {region}")


def _nearest(region: str) -> str:
    continent = region.split("-")[0]
    return next((allowed for allowed in WITHOUT_RESTRICTION if allowed.startswith(f"{continent}-")), "us-central1")
