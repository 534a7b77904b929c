"""Compare the project's own roles in a plan with the permissions that they should have."""

from __future__ import annotations

from tests.system.infra.grants import ROLES, roles_of
from tests.system.infra.plan import Plan


def own_roles_are_minimal(plan: Plan) -> list[str]:
    """Return a fault for each permission more, and for each one less."""
    roles = roles_of(plan)
    faults = [f"{name} is a role that is not expected" for name in sorted(roles.keys() - ROLES)]
    for name, permissions in ROLES.items():
        faults += [
            f"{name} may {permission}, which is not expected"
            for permission in sorted(roles.get(name, set()) - permissions)
        ]
        faults += [f"{name} may not {permission}" for permission in sorted(permissions - roles.get(name, set()))]
    return faults
