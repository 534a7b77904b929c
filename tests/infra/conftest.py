"""Terraform with the stand-in, and the plans that several tests look at: each is made once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from tests.environments import Impossible
from tests.infra.plan import Plan
from tests.infra.terraform import Terraform, terraform

EVERY_OPTION = {
    "domain": {"name": "images.example.com", "dns_zone": "example"},
    "image": f"europe-west1-docker.pkg.dev/bucketlens-test/bucketlens/serving@sha256:{'a' * 64}",
    "invokers": ["user:ada@example.com"],
    "kept_buckets": ["holiday-photos"],
    "kms_key": "projects/keys/locations/europe-west1/keyRings/ring/cryptoKeys/key",
    "model_bundle": "flowers_v1,flowers@canary=gs://bucketlens-test-models/flowers,x-ray=/models/chest_xray/2",
    "public": True,
    "publishers": ["serviceAccount:trainer@bucketlens-test.iam.gserviceaccount.com"],
    "readable_buckets": ["holiday-photos"],
    "readers": ["group:analysts@example.com"],
    "settings": {"MAX_IMAGE_BYTES": "5242880"},
    "uploaders": ["group:team@example.com"],
    "watch": {"budget": {"billing_account": "000000-AAAAAA-000000", "units": 100}, "emails": ["ada@example.com"]},
}
"""All that can be on at once; IAP, which excludes ``public``, is planned in deployment.tftest.hcl."""


@pytest.fixture(scope="session")
def initialised(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    try:
        return terraform(tmp_path_factory.mktemp("terraform"))
    except Impossible as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def plan_of(initialised: Terraform) -> Callable[[str], Plan]:
    """Return a maker of plans: of an environment, or of ``every option``."""

    @cache
    def make(name: str) -> Plan:
        if name == "every option":
            return Plan(initialised.plan("test", **EVERY_OPTION))
        return Plan(initialised.plan(name))

    return make
