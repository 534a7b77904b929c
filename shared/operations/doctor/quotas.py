"""Check that the quotas of Cloud Run and Cloud Build suffice for a deployment.

API: https://cloud.google.com/service-usage/docs/reference/rest/v1beta1/services.consumerQuotaMetrics
"""

from __future__ import annotations

from collections.abc import Iterator

from shared.adapters.google_rest import Document, RestReader
from shared.operations.doctor.findings import Finding, Verdict, bites, fine

UNLIMITED = -1
MILLI = 1000
GIB = 1 << 30


def quotas(google: RestReader, project: str, region: str, *, vcpus: int, memory_gib: float) -> Iterator[Finding]:
    """Yield whether a region has room for the instances, and for a build.

    Args:
        google: reads Google's APIs.
        project: the project with the quotas.
        region: the region of the functions and of the build.
        vcpus: the CPUs of all instances at their maximum.
        memory_gib: their memory.
    """
    run = list(_metrics(google, project, "run"))
    build = list(_metrics(google, project, "cloudbuild"))
    yield _enough(
        _limit(run, "run.googleapis.com/cpu_allocation", region), vcpus * MILLI, "mCPU", "Cloud Run's CPU", region
    )
    yield _enough(
        _limit(run, "run.googleapis.com/mem_allocation", region),
        round(memory_gib * GIB),
        "bytes",
        "Cloud Run's memory",
        region,
    )
    builds = _limit(build, "cloudbuild.googleapis.com/concurrent_public_pool_build_cpus", region)
    yield _enough(builds, 1, "CPU", "Cloud Build's default pool", region)


def _metrics(google: RestReader, project: str, api: str) -> Iterator[Document]:
    return google.pages(
        "serviceusage",
        f"v1beta1/projects/{project}/services/{api}.googleapis.com/consumerQuotaMetrics",
        "metrics",
        view="FULL",
    )


def _limit(metrics: list[Document], name: str, region: str) -> int | None:
    """Return what a project has of a quota in a region, -1 for no limit; None where Google lists no such quota.

    A bucket without a region is for all regions that have none of their own.
    """
    by_region: dict[str | None, int] = {}
    for metric in metrics:
        if metric.get("metric") != name:
            continue
        for limit in metric.get("consumerQuotaLimits", []):
            for bucket in limit.get("quotaBuckets", []):
                if "effectiveLimit" in bucket:
                    dimension, amount = bucket.get("dimensions", {}).get("region"), int(bucket["effectiveLimit"])
                    by_region[dimension] = min(by_region.get(dimension, amount), amount, key=_size)
    return by_region.get(region, by_region.get(None))


def _size(amount: int) -> float:
    return float("inf") if amount == UNLIMITED else amount


def _enough(limit: int | None, needed: int, unit: str, what: str, region: str) -> Finding:
    about = f"quota of {what}"
    if limit is None:
        return Finding(about, Verdict.NOTE, f"Google lists none for {region}; the API may have to be on first")
    if limit == UNLIMITED or limit >= needed:
        shown = "no limit" if limit == UNLIMITED else f"{limit:,} {unit}"
        return fine(about, f"{shown} in {region}, and {needed:,} are needed")
    return bites(
        about,
        f"{limit:,} {unit} in {region}, and {needed:,} are needed",
        "Ask for more in the console (IAM & Admin, Quotas), choose another region, or set smaller max_instances.",
    )
