"""Tests that the bill of docs/cost.md has a line for every resource of a plan that costs something."""

from __future__ import annotations

from collections.abc import Callable

from shared.operations.monthly_bill import FREE, ITEMS
from tests.system.infra.plan import Plan

NOT_OF_GOOGLE = {"time_sleep"}
PAID = {kind for item in ITEMS for kind in item.resources}


def kinds_of(plan: Plan) -> set[str]:
    """Return the kinds of resources that a plan makes, without grants, which are free."""
    kinds = {resource.kind for resource in plan.resources} - NOT_OF_GOOGLE
    grants = {kind for kind in kinds if kind.endswith("_iam_member")}
    paid_by_grant = {
        kind for kind in grants if kind.removeprefix("google_") in PAID
    }  # the key and the secrets belong to the user
    return {kind.removeprefix("google_") for kind in kinds - grants | paid_by_grant}


def test_bill_covers_every_resource_of_a_plan_that_is_not_free(plan_of: Callable[[str], Plan]) -> None:
    planned = kinds_of(plan_of("every option")) | kinds_of(plan_of("preprod that builds"))
    assert planned - PAID - FREE.keys() == set(), (
        "a kind of resource without a line in shared/operations/monthly_bill.py"
    )
    assert (PAID | FREE.keys()) - planned == set(), "a line for a resource that no plan makes"


def test_smallest_plan_has_everything_that_no_option_adds(plan_of: Callable[[str], Plan]) -> None:
    always = {kind for item in ITEMS if item.option is None for kind in item.resources}
    assert always <= kinds_of(plan_of("test"))
