"""Roles of ours in a plan, held to the permissions that they should have."""

from __future__ import annotations

from tests.system.infra.grants import ROLES, roles_of
from tests.system.infra.plan import Plan


def our_roles_are_as_small_as_they_can_be(plan: Plan) -> list[str]:
    """No permission more, and none less."""
    found = roles_of(plan)
    said = [f"{name} is a role that nobody expects" for name in sorted(found.keys() - ROLES)]
    for name, wanted in ROLES.items():
        said += [f"{name} may {one}, which nobody expects" for one in sorted(found.get(name, set()) - wanted)]
        said += [f"{name} may not {one}" for one in sorted(wanted - found.get(name, set()))]
    return said
