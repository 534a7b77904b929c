"""Fixtures: Terraform with the stand-in, and the plans that several tests read, each made once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from tests.environments import Impossible
from tests.system.infra.plan import Plan
from tests.system.infra.terraform import Terraform, terraform

REPOSITORY = "https://github.com/you/bucketlens.git"
ALERT_EMAILS = {"emails": ["ada@example.com"], "runbook": "https://github.com/you/bucketlens/blob/main/docs/runbook.md"}
EVERY_OPTION = {
    "archive_classes": [{"age": 90, "storage_class": "COLDLINE"}],
    "attestors": ["projects/bucketlens-test/attestors/built-by-cloud-build"],
    "build_region": "us-central1",
    "domain": {"name": "images.example.com", "dns_zone": "example", "calls_per_minute": 600},
    "image": f"europe-west1-docker.pkg.dev/bucketlens-test/bucketlens/serving@sha256:{'a' * 64}",
    "invokers": ["user:ada@example.com"],
    "kept_buckets": ["holiday-photos"],
    "kms_key": "projects/keys/locations/europe-west1/keyRings/ring/cryptoKeys/key",
    "model_bundle": "flowers_v1,flowers@canary=gs://bucketlens-test-models/flowers,x-ray=/models/chest_xray/2",
    "monitor": {
        "image": f"europe-west1-docker.pkg.dev/bucketlens-test/bucketlens/operations@sha256:{'a' * 64}",
        "readers": ["group:analysts@example.com"],
        "size": {"schedule": "0 5 * * *"},
    },
    "pipeline": {
        "branch": "^main$",
        "golden_set": "gs://golden-set/flowers",
        "rebuilds": "main",
        "remote_uri": "https://gitlab.com/you/bucketlens.git",
        "webhook": {
            "secret": "projects/bucketlens-test/secrets/build-webhook/versions/1",
            "token": "projects/bucketlens-test/secrets/git-token/versions/1",
        },
    },
    "public": True,
    "publishers": ["serviceAccount:trainer@bucketlens-test.iam.gserviceaccount.com"],
    "readable_buckets": ["holiday-photos"],
    "readers": ["group:analysts@example.com"],
    "settings": {"MAX_IMAGE_BYTES": "5242880"},
    "uploaders": ["group:team@example.com"],
    "watch": {
        **ALERT_EMAILS,
        "budget": {"billing_account": "000000-AAAAAA-000000", "units": 100},
        "channels": ["projects/bucketlens-test/notificationChannels/1"],
        "urgent_channels": ["projects/bucketlens-test/notificationChannels/2"],
    },
}
"""All options that can be on together; IAP, which excludes ``public``, is planned in deployment.tftest.hcl."""

BUILDS = {
    "branch": "^main$",
    "golden_set": "gs://golden-set/flowers",
    "hands_to": "bucketlens-prod",
    "rebuilds": "main",
    "remote_uri": REPOSITORY,
}
TAKES = {
    "approvers": ["group:releases@example.com"],
    "golden_set": "gs://golden-set/flowers",
    "takes_from": "bucketlens-preprod",
}
SHIPPED_THRESHOLDS = {
    "test": {"no_labels_days": 0, "no_rows_h": 0},
    "preprod": {"no_labels_days": 0, "no_rows_h": 0},
    "prod": {"no_rows_h": 6},
}
PLANS: dict[str, tuple[str, dict[str, Any]]] = {
    **{name: (name, {"watch": {**ALERT_EMAILS, "thresholds": hours}}) for name, hours in SHIPPED_THRESHOLDS.items()},
    "preprod that builds": ("preprod", {"pipeline": BUILDS, "watch": ALERT_EMAILS}),
    "prod that takes": ("prod", {"pipeline": TAKES, "watch": ALERT_EMAILS}),
    "every option": ("test", EVERY_OPTION),
}
"""Plans that several tests read, by name: an environment, and the variables that are added to its file."""


@pytest.fixture(scope="session")
def initialised(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    try:
        return terraform(tmp_path_factory.mktemp("terraform"))
    except Impossible as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def plan_of(initialised: Terraform) -> Callable[[str], Plan]:
    """Return a function that makes plans by their names in ``PLANS``."""

    @cache
    def make(name: str) -> Plan:
        environment, variables = PLANS[name]
        return Plan(initialised.plan(environment, **variables))

    return make
