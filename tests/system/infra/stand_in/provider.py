"""Stand in for hashicorp/google, google-beta and time, without Google: serve a provider's schema and
invent what an apply would compute.

So the real terraform can init, validate, plan, apply and test with no network and no account. It speaks Terraform's
plugin protocol 6 (https://developer.hashicorp.com/terraform/plugin/terraform-plugin-protocol) and runs in an
environment of its own, since the protocol's library wants an older protobuf than the project's clients.
"""
# ruff: noqa: N802  # the protocol's names

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack
import tf.provider
from tf.gen import tfplugin_pb2 as protocol
from tf.gen import tfplugin_pb2_grpc as grpc
from tf.runner import run_provider

SCHEMA = Path(__file__).with_name("schema.json.gz")
FURTHER = Path(__file__).with_name("further_schemas.json")
"""By provider: the parts that ``schema.json.gz`` lacks of google, and everything of the two small ones."""

FORCE_NEW = json.loads(Path(__file__).with_name("force_new.json").read_text("utf-8"))["arguments"]
"""By resource: arguments that cannot be changed in place. No schema has this; the provider's source does."""

UNKNOWN = msgpack.ExtType(0, b"\x00")
"""A value that is known after the apply, in Terraform's form."""

NESTING = {"single": 1, "list": 2, "set": 3, "map": 4, "group": 5}

COMPUTED_BLOCKS = {"google_eventarc_trigger": ["transport"]}
"""Blocks that the provider fills where a configuration leaves them out; the schema cannot express it."""

ACCOUNT = "google_service_account"

Block = dict[str, Any]
Values = dict[str, Any]


def decoded(value: Any) -> Any:
    return msgpack.unpackb(value.msgpack, raw=False, strict_map_key=False) if value.msgpack else json.loads(value.json)


def encoded(value: Any) -> Any:
    return protocol.DynamicValue(msgpack=msgpack.packb(value))


def is_unknown(value: Any) -> bool:
    return isinstance(value, msgpack.ExtType)


def block_message(block: Block) -> Any:
    """Return a block of the schema in the protocol's form."""
    message = protocol.Schema.Block()
    for name, attribute in block["attributes"].items():
        flags = {flag: attribute.get(flag, False) for flag in ("required", "optional", "computed")}
        message.attributes.add(name=name, type=json.dumps(attribute["type"]).encode(), **flags)
    for name, nested in block["block_types"].items():
        limits = {limit: nested.get(limit, 0) for limit in ("min_items", "max_items")}
        added = message.block_types.add(type_name=name, nesting=NESTING[nested["nesting_mode"]], **limits)
        added.block.CopyFrom(block_message(nested["block"]))
    return message


def planned(block: Block, values: Any, config: Any) -> Any:
    """Mark values that no configuration sets and the provider computes as known after the apply."""
    if values is None or is_unknown(values):
        return values
    config = config if isinstance(config, dict) else {}
    result = dict(values)
    for name, attribute in block["attributes"].items():
        if attribute.get("computed") and result.get(name) is None and config.get(name) is None:
            result[name] = UNKNOWN
    for name, nested in block["block_types"].items():
        inner, configured = result.get(name), config.get(name)
        if isinstance(inner, list):
            matches = isinstance(configured, list) and len(configured) == len(inner)
            pairs = zip(inner, configured if matches else [None] * len(inner), strict=True)
            result[name] = [planned(nested["block"], item, its_config) for item, its_config in pairs]
        elif isinstance(inner, dict):
            result[name] = planned(nested["block"], inner, configured)
    return result


def invented(kind: Any, path: list[str], values: Values) -> Any:
    """Return a value of a type: the same value for the same path."""
    digest = hashlib.sha256("/".join(path).encode()).hexdigest()
    match kind:
        case "string":
            return _invented_text(path[-1], digest, values)
        case "number":
            return 0
        case "bool":
            return False
        case "dynamic":
            return None
        case ["object", attributes]:
            return {name: invented(inner, [*path, name], {}) for name, inner in attributes.items()}
        case ["map", _]:
            return {}
    return []


def _invented_text(name: str, digest: str, values: Values) -> str:
    if name == "name" and isinstance(values.get("name"), str):
        return str(values["name"])
    match name:
        case "id" | "name":
            return f"stand-in/{digest[:12]}"
        case "uri" | "url" | "endpoint":
            return f"https://stand-in-{digest[:8]}.a.run.app"
        case "number":
            return str(int(digest[:10], 16))
        case "project":
            return "stand-in-project"
    return f"stand-in-{name}-{digest[:6]}"


def settled(block: Block, values: Any, path: list[str]) -> Any:
    """Replace the unknown values of a plan by invented ones."""
    if values is None:
        return None
    result = dict(values)
    names = sorted(block["attributes"], key=lambda name: (name != "project", name != "name"))
    for name in names:
        result[name] = _known(result.get(name), block["attributes"][name]["type"], [*path, name], result)
    for name, nested in block["block_types"].items():
        inner = result.get(name)
        if isinstance(inner, list):
            result[name] = [settled(nested["block"], item, [*path, name, str(i)]) for i, item in enumerate(inner)]
        elif isinstance(inner, dict):
            result[name] = settled(nested["block"], inner, [*path, name])
    return result


def _known(value: Any, kind: Any, path: list[str], values: Values) -> Any:
    if is_unknown(value):
        return invented(kind, path, values)
    if isinstance(value, list) and isinstance(kind, list) and kind[0] in ("list", "set"):
        return [_known(item, kind[1], path, values) for item in value]
    if isinstance(value, dict) and isinstance(kind, list):
        kinds = {name: kind[1][name] if kind[0] == "object" else kind[1] for name in value}
        return {name: _known(item, kinds[name], [*path, name], values) for name, item in value.items()}
    return value


def whole(block: Block, path: list[str]) -> Values:
    """Return a block with every attribute invented, and one of each block inside it."""
    values = {name: invented(attribute["type"], [*path, name], {}) for name, attribute in block["attributes"].items()}
    return values | {name: [whole(nested["block"], [*path, name])] for name, nested in block["block_types"].items()}


def outside_of_enumerations(block: Block, values: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, str]]:
    """Yield the path of each value outside of the documented enumeration, and what is expected there."""
    if not isinstance(values, dict):
        return
    for name, attribute in block["attributes"].items():
        possible, value = attribute.get("enum"), values.get(name)
        if possible and isinstance(value, str) and value and value not in possible:
            yield (*path, name), f"expected {name} to be one of {possible}, got {value}"
    for name, nested in block["block_types"].items():
        inner = values.get(name)
        items = enumerate(inner) if isinstance(inner, list) else [(None, inner)]
        for index, item in items:
            step = (name,) if index is None else (name, index)
            yield from outside_of_enumerations(nested["block"], item, (*path, *step))


def replaced(paths: list[str], before: Values, after: Values) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each changed argument that cannot change in place; an unknown value counts as changed."""
    for path in paths:
        yield from _changed(path.split("."), before, after, ())


def _changed(path: list[str], before: Any, after: Any, parent: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    name, rest = path[0], path[1:]
    old = before.get(name) if isinstance(before, dict) else None
    new = after.get(name) if isinstance(after, dict) else None
    if not rest:
        if (old or None) != (new or None):
            yield (*parent, name)
        return
    olds, news = (value if isinstance(value, list) else [] for value in (old, new))
    for index in range(min(len(olds), len(news))):
        if olds[index] != news[index]:
            yield from _changed(rest, olds[index], news[index], (*parent, name, index))


def columns_change_in_place(before: list[Values], after: list[Values], *, is_nested: bool = False) -> bool:
    """Return whether a table's columns can become others without a new table, by the provider's own rule.

    A new column must not be REQUIRED, a column keeps its type, only REQUIRED may become NULLABLE, and columns are
    dropped at the top level only, where none is added: ``resourceBigQueryTableSchemaIsChangeable`` in
    google/services/bigquery/resource_bigquery_table.go of hashicorp/terraform-provider-google. For the provider INTEGER
    and INT64 are one type, too; not here.
    """
    old, new = ({column["name"]: column for column in columns} for columns in (before, after))
    dropped, added = old.keys() - new.keys(), new.keys() - old.keys()
    if any(new[name].get("mode") == "REQUIRED" for name in added) or (dropped and (is_nested or added)):
        return False
    for name in old.keys() & new.keys():
        modes = tuple(column[name].get("mode", "NULLABLE") for column in (old, new))
        if old[name]["type"] != new[name]["type"] or (modes[0] != modes[1] and modes != ("REQUIRED", "NULLABLE")):
            return False
        fields = (column[name].get("fields", []) for column in (old, new))
        if not columns_change_in_place(*fields, is_nested=True):
            return False
    return True


def as_monitoring_returns_it(dashboard: Any) -> Any:
    """Leave out the positions that are 0, as Cloud Monitoring does (terraform-provider-google#16173)."""
    if isinstance(dashboard, dict):
        kept = {name: value for name, value in dashboard.items() if not (name in ("xPos", "yPos") and value == 0)}
        return {name: as_monitoring_returns_it(value) for name, value in kept.items()}
    return [as_monitoring_returns_it(item) for item in dashboard] if isinstance(dashboard, list) else dashboard


class StandIn(grpc.ProviderServicer):
    """The calls of the protocol."""

    def __init__(self, _: Any = None) -> None:
        self.schema = _schema(os.environ.get("STAND_IN_FOR", "google"))
        self.resources = {name: resource["block"] for name, resource in self.schema["resource_schemas"].items()}
        self.data = {name: resource["block"] for name, resource in self.schema["data_source_schemas"].items()}
        self.project = "stand-in-project"

    def GetProviderSchema(self, request: Any, context: Any) -> Any:
        answer = protocol.GetProviderSchema.Response()
        answer.provider.block.CopyFrom(block_message(self.schema["provider"]["block"]))
        for name, block in self.resources.items():
            answer.resource_schemas[name].block.CopyFrom(block_message(block))
        for name, block in self.data.items():
            answer.data_source_schemas[name].block.CopyFrom(block_message(block))
        return answer

    def ValidateProviderConfig(self, request: Any, context: Any) -> Any:
        return protocol.ValidateProviderConfig.Response()

    def ValidateResourceConfig(self, request: Any, context: Any) -> Any:
        answer = protocol.ValidateResourceConfig.Response()
        for path, fault in outside_of_enumerations(self.resources[request.type_name], decoded(request.config)):
            diagnostic = answer.diagnostics.add(severity=1, summary="Invalid value", detail=fault)
            _name(diagnostic.attribute, path)
        return answer

    def ValidateDataResourceConfig(self, request: Any, context: Any) -> Any:
        return protocol.ValidateDataResourceConfig.Response()

    def ConfigureProvider(self, request: Any, context: Any) -> Any:
        project = decoded(request.config).get("project")
        self.project = project if isinstance(project, str) else self.project
        return protocol.ConfigureProvider.Response()

    def UpgradeResourceState(self, request: Any, context: Any) -> Any:
        state = protocol.DynamicValue(json=request.raw_state.json)
        return protocol.UpgradeResourceState.Response(upgraded_state=state)

    def ReadResource(self, request: Any, context: Any) -> Any:
        answer = protocol.ReadResource.Response(new_state=request.current_state, private=request.private)
        if request.type_name == "google_monitoring_dashboard":
            values = decoded(request.current_state)
            sent = json.loads(values["dashboard_json"])
            if (returned := as_monitoring_returns_it(sent)) != sent:
                answer.new_state.CopyFrom(encoded(values | {"dashboard_json": json.dumps(returned)}))
        return answer

    def PlanResourceChange(self, request: Any, context: Any) -> Any:
        new, prior, config = (
            decoded(state) for state in (request.proposed_new_state, request.prior_state, request.config)
        )
        answer = protocol.PlanResourceChange.Response(
            planned_state=request.proposed_new_state, planned_private=request.prior_private, legacy_type_system=True
        )
        if new is None:
            return answer
        filled = [name for name in COMPUTED_BLOCKS.get(request.type_name, ()) if not config.get(name)]
        if prior is None:
            new = planned(self.resources[request.type_name], new, config)
            new |= dict.fromkeys(filled, UNKNOWN)
            new |= self._address(request.type_name, new)
        else:
            new |= {name: prior[name] for name in filled}
            for path in replaced(FORCE_NEW.get(request.type_name, []), prior, new):
                _name(answer.requires_replace.add(), path)
            if request.type_name == "google_bigquery_table" and config.get("schema"):
                schemas = (json.loads(values["schema"]) for values in (prior, new))
                if not columns_change_in_place(*schemas):
                    _name(answer.requires_replace.add(), ("schema",))
        answer.planned_state.CopyFrom(encoded(new))
        return answer

    def ApplyResourceChange(self, request: Any, context: Any) -> Any:
        new = decoded(request.planned_state)
        if new is None:
            return protocol.ApplyResourceChange.Response(new_state=request.planned_state)
        block = self.resources[request.type_name]
        for name in COMPUTED_BLOCKS.get(request.type_name, ()):
            if is_unknown(new.get(name)):
                new[name] = [whole(block["block_types"][name]["block"], [request.type_name, name])]
        state = encoded(settled(block, new, [request.type_name]))
        return protocol.ApplyResourceChange.Response(new_state=state, legacy_type_system=True)

    def ReadDataSource(self, request: Any, context: Any) -> Any:
        block, config = self.data[request.type_name], decoded(request.config)
        values = settled(block, planned(block, config, config), [request.type_name])
        if request.type_name == "google_artifact_registry_docker_images":
            names = os.environ.get("STAND_IN_REGISTRY", "operations,pipeline,serving").replace("empty", "")
            values["docker_images"] = [self._image(config, name) for name in names.split(",") if name]
        return protocol.ReadDataSource.Response(state=encoded(values))

    def StopProvider(self, request: Any, context: Any) -> Any:
        return protocol.StopProvider.Response()

    def _image(self, config: Values, name: str) -> Values:
        """Return the newest image of a name, as if it had been built."""
        repository = f"{config['location']}-docker.pkg.dev/{config['project']}/{config['repository_id']}/{name}"
        link = f"{repository}@sha256:{'1' * 64}"
        names = ("build_time", "image_size_bytes", "media_type", "name", "upload_time")
        known = {"image_name": name, "self_link": link, "tags": ["b1"], "update_time": "2026-11-30T12:00:00Z"}
        return dict.fromkeys(names, "") | known

    def _address(self, kind: str, values: Values) -> Values:
        """Return a service account's address, which the provider composes in the plan already."""
        account = values.get("account_id")
        if kind != ACCOUNT or not isinstance(account, str):
            return {}
        email = f"{account}@{self.project}.iam.gserviceaccount.com"
        return {"email": email, "member": f"serviceAccount:{email}"}


def _name(message: Any, path: tuple[Any, ...]) -> None:
    """Write a path in the protocol's form."""
    for step in path:
        message.steps.add(**{"element_key_int" if isinstance(step, int) else "attribute_name": step})


def _schema(provider: str) -> Values:
    """Read the schema of a provider."""
    schema: Values = json.loads(FURTHER.read_text("utf-8"))[provider]
    if provider == "google":
        file = Path(os.environ.get("STAND_IN_SCHEMA") or SCHEMA)
        (read,) = json.loads(gzip.decompress(file.read_bytes()))["provider_schemas"].values()
        schema = read | {"data_source_schemas": schema["data_source_schemas"] | read["data_source_schemas"]}
    return schema


tf.provider.ProviderServicer = StandIn  # the library would build a schema from Python classes
if __name__ == "__main__":
    run_provider(None)
