"""A plan, as ``terraform show -json`` prints it (https://developer.hashicorp.com/terraform/internals/json-format)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Resource:
    """What a plan makes of one resource. A value that is known after the apply is missing."""

    address: str
    kind: str
    values: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.values.get(name)

    def block(self, *path: str) -> dict[str, Any]:
        """Return a block inside blocks, each of which stands there once; empty if it is not there."""
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
        """Return the resources of some types; a name without its ``google_`` will do."""
        wanted = {kind if kind == "time_sleep" else f"google_{kind}" for kind in kinds}
        return [resource for resource in self.resources if resource.kind in wanted]

    @property
    def grants(self) -> list[Resource]:
        """Every resource that grants a role."""
        return [one for one in self.resources if one.kind.endswith(("_iam_member", "_iam_binding", "_iam_policy"))]

    @property
    def functions(self) -> list[tuple[Resource, dict[str, Any], dict[str, Any]]]:
        """Return services and jobs, each with its template and its container."""
        services = [(one, one.block("template")) for one in self.of("cloud_run_v2_service")]
        jobs = [(one, one.block("template", "template")) for one in self.of("cloud_run_v2_job")]
        return [(one, template, template["containers"][0]) for one, template in services + jobs]

    def variable(self, name: str) -> Any:
        """Return what a variable of the root is."""
        return self.document["variables"].get(name, {}).get("value")


def texts_in(value: Any) -> Iterator[str]:
    """Yield every text in a value, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from texts_in(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts_in(one)
