"""A plan, as ``terraform show -json`` prints it (https://developer.hashicorp.com/terraform/internals/json-format)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of a plan, without the values that are known after the apply."""

    address: str
    kind: str
    values: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.values.get(name)

    def block(self, *path: str) -> dict[str, Any]:
        """Return a nested block that occurs once at each level; empty if it does not exist."""
        values = self.values
        for name in path:
            values = (values.get(name) or [{}])[0]
        return values


class Plan:
    """The resources of a plan, and the variables that it was made with."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.resources = [
            Resource(change["address"], change["type"], change["change"]["after"])
            for change in document["resource_changes"]
            if change["mode"] == "managed" and change["change"]["after"] is not None
        ]

    def of(self, *kinds: str) -> list[Resource]:
        """Return the resources of some types; a type may lack its ``google_``."""
        types = {kind if kind == "time_sleep" else f"google_{kind}" for kind in kinds}
        return [resource for resource in self.resources if resource.kind in types]

    @property
    def grants(self) -> list[Resource]:
        """Resources that grant a role."""
        return [
            resource
            for resource in self.resources
            if resource.kind.endswith(("_iam_member", "_iam_binding", "_iam_policy"))
        ]

    @property
    def functions(self) -> list[tuple[Resource, dict[str, Any], dict[str, Any]]]:
        """Services and jobs, each with its template and its container."""
        services = [(function, function.block("template")) for function in self.of("cloud_run_v2_service")]
        jobs = [(function, function.block("template", "template")) for function in self.of("cloud_run_v2_job")]
        return [(function, template, template["containers"][0]) for function, template in services + jobs]

    def variable(self, name: str) -> Any:
        """Return the value of a variable of the root."""
        return self.document["variables"].get(name, {}).get("value")


def texts_in(value: Any) -> Iterator[str]:
    """Yield every text in a value, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from texts_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_in(inner)
