"""Tests that classify-request is configured for the proxy in front of it, and that one function reads label keys."""

from __future__ import annotations

from typing import Any

import pytest

from tests.system.infra.conftest import ALERT_EMAILS
from tests.system.infra.plan import Plan
from tests.system.infra.terraform import Refused, Terraform

NUMBER = "123456789012"
FRONTS: dict[str, tuple[dict[str, Any], str]] = {
    "IAM": ({}, "iam"),
    "IAM behind a domain": ({"domain": {"name": "images.example.com"}}, "iam"),
    "unchecked": ({"public": True}, "none"),
    "IAP": ({"iap_members": ["group:team@example.com"]}, "iap"),
}


def plan_of(initialised: Terraform, **variables: Any) -> Plan:
    return Plan(initialised.plan("prod", wait_s=0, watch=ALERT_EMAILS, **variables))


def settings_of(plan: Plan, name: str) -> dict[str, Any]:
    [settings] = [container for function, _, container in plan.functions if function["name"] == name]
    return {variable["name"]: variable for variable in settings["env"]}


@pytest.mark.parametrize("front", FRONTS)
def test_function_trusts_only_the_proxy_in_front_of_it(initialised: Terraform, front: str) -> None:
    variables, expected = FRONTS[front]
    values = settings_of(plan_of(initialised, **variables), "classify-request")
    assert values["CALLERS"]["value"] == expected
    audience = values.get("IAP_AUDIENCE", {}).get("value", "")
    is_of_the_service = audience.startswith("/projects/") and audience.endswith("/services/classify-request")
    assert is_of_the_service is (expected == "iap")


def test_label_keys_come_from_a_secret_that_one_function_reads(initialised: Terraform) -> None:
    plan = plan_of(initialised, public=True, label_keys_secret="bucketlens-label-keys")
    named = settings_of(plan, "classify-request")["LABEL_KEYS"]
    [reference] = named["value_source"][0]["secret_key_ref"]
    assert (named["value"] or "", reference["secret"]) == ("", "bucketlens-label-keys")
    assert "LABEL_KEYS" not in settings_of(plan, "classify-upload")
    [grant] = plan.of("secret_manager_secret_iam_member")
    assert (grant["secret_id"], grant["role"]) == ("bucketlens-label-keys", "roles/secretmanager.secretAccessor")
    assert str(grant["member"]).startswith("serviceAccount:classify-request@")


@pytest.mark.parametrize("setting", ["CALLERS", "IAP_AUDIENCE", "LABEL_KEYS"])
def test_setting_that_other_variables_decide_is_not_a_variable(initialised: Terraform, setting: str) -> None:
    with pytest.raises(Refused, match=f"settings names {setting}"):
        plan_of(initialised, settings={setting: "iam"})


def test_secret_name_that_is_a_key_itself_is_refused(initialised: Terraform) -> None:
    with pytest.raises(Refused, match="its value does not belong here"):
        plan_of(initialised, label_keys_secret="a key, b")
