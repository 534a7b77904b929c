"""Find what a test needs from the machine, in its code and in the code of the fixtures and helpers that it uses.

Nothing is run: names in a function's bytecode are looked up among the globals of its module. So a new test is placed
without a mark by its author. ``guard`` notices at run time where this reading misses something.
"""

from __future__ import annotations

import dis
import functools
import importlib
import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from functools import cache
from types import CodeType, FunctionType, MappingProxyType, ModuleType
from typing import Any

import click
import pytest

from tests.tiers.module_imports import loads_tensorflow


class Need(StrEnum):
    """What a test needs beyond Python and this repository's code."""

    PROCESS = "process"
    """It starts a process, or opens a socket."""
    TENSORFLOW = "tensorflow"
    FOREIGN = "foreign"
    """An environment of other people's programs, which ``tests.environments`` installs."""


BY_MODULE: dict[str, Need] = {
    **dict.fromkeys(
        (
            "aiohttp",
            "grpc",
            "http.server",
            "multiprocessing",
            "playwright",
            "pty",
            "requests",
            "socket",
            "socketserver",
            "subprocess",
            "urllib.request",
        ),
        Need.PROCESS,
    ),
    **dict.fromkeys(("keras", "tensorflow", "h5py", "matplotlib"), Need.TENSORFLOW),
}
"""Modules that need something: a test that names one of them, or something in it, uses it."""

BY_OBJECT: dict[str, Need] = {
    "shared.adapters.bigquery.BigQuery": Need.PROCESS,
    "shared.adapters.cloud_run.CloudRun": Need.PROCESS,
    "shared.adapters.gcs.CloudStorage": Need.PROCESS,
    "tests.environments.environment": Need.FOREIGN,
}
"""Clients of a service, and installers."""

BY_INPUT = ("shared.http.read_body._hang_up", "shared.wiring.load_model")
"""Functions that need what they get: a connection, a Keras model. The reading ends here."""

IMPORT_NAME = dis.opmap["IMPORT_NAME"]
OURS = ("tests.", "shared.", "functions.")


def needs_of(item: pytest.Item, chosen: Mapping[str, str] = MappingProxyType({})) -> frozenset[Need]:
    """Return what a collected test needs: its code, its fixtures and parameters, and everything that these call.

    Args:
        item: the test.
        chosen: parameters of fixtures, in addition to its own.
    """
    parameters = {**getattr(getattr(item, "callspec", None), "params", {}), **chosen}
    functions = [value for value in parameters.values() if type(value) in (FunctionType, functools.partial)]
    codes = [getattr(item, "function", None), *_fixtures_of(item, parameters), *functions]
    declared = {Need(word) for mark in item.iter_markers("needs") for word in mark.args}
    declared |= {Need.TENSORFLOW} if loads_tensorflow(item.path) else set()
    return frozenset(declared.union(*(needs_of_code(code) for code in codes if code is not None)))


def _fixtures_of(item: pytest.Item, parameters: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the functions of a test's fixtures, and of the fixtures that these choose by their parameters."""
    info = getattr(item, "_fixtureinfo", None)
    waiting, seen = list(info.names_closure) if info else [], set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for definition in _definitions(item, name):
            waiting += definition.argnames
            if _is_ours(getattr(definition.func, "__module__", None)):
                yield definition.func
                requested = _requested_by_name(definition.func, parameters.get(name))
                waiting += [text for text in requested if _definitions(item, text)]


def _definitions(item: pytest.Item, name: str) -> Sequence[Any]:
    """Return the definition of a fixture that a test uses, and those that it overrides and requests."""
    known = item.session._fixturemanager.getfixturedefs(name, item) or ()  # pytest has no public function for it
    used: list[Any] = []
    for definition in reversed(known):
        used.append(definition)
        if name not in definition.argnames:
            break
    return used


def _requested_by_name(function: Any, parameter: Any) -> list[str]:
    """Return the names that a fixture may pass to ``request.getfixturevalue``: its parameter's, or a text in it."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None or "getfixturevalue" not in code.co_names:
        return []
    if isinstance(parameter, str):
        return [parameter]
    return [text for text in code.co_consts if isinstance(text, str)]


@cache
def needs_of_code(start: Any) -> frozenset[Need]:
    """Return what a function or class needs: its own code, and the project's code that it names, directly or not."""
    needs, waiting, seen = set[Need](), [start], set[int]()
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        need, named = _looked_at(thing)
        if need:
            needs.add(need)
        else:
            waiting += named
    return frozenset(needs)


_LOOKED_AT: dict[int, tuple[Any, Need | None, list[Any]]] = {}
"""Results by identity, since not everything can be hashed; each thing is kept, so that its identity stays its own."""


def _looked_at(thing: Any) -> tuple[Need | None, list[Any]]:
    if id(thing) not in _LOOKED_AT:
        need = _own_need(thing)
        _LOOKED_AT[id(thing)] = (thing, need, [] if need else _named_by(thing))
    return _LOOKED_AT[id(thing)][1:]


def _own_need(thing: Any) -> Need | None:
    kind = type(thing)
    if issubclass(kind, ModuleType):
        name = qualified = thing.__name__
    elif issubclass(kind, type | FunctionType):
        name, qualified = thing.__module__, f"{thing.__module__}.{thing.__qualname__}"
    else:
        return None
    if need := BY_OBJECT.get(qualified):
        return need
    if issubclass(kind, type) and issubclass(thing, BaseException):
        return None  # code that catches an error need not cause it
    return next((need for module, need in BY_MODULE.items() if f"{name}.".startswith(f"{module}.")), None)


def _named_by(thing: Any) -> list[Any]:
    """Return the names in a function, a class or a wrapper of one of this repository."""
    kind = type(thing)  # not isinstance, which makes Flask's proxies look for a request that does not exist
    if kind is functools.partial:
        return [thing.func, *thing.args]
    if kind is property:
        return [thing.fget, thing.fset]
    if kind in (staticmethod, classmethod):
        return [thing.__func__]
    if kind is functools.cached_property:
        return [thing.func]
    if issubclass(kind, click.Command):
        return [thing.callback]
    if issubclass(kind, type):
        return [*vars(thing).values(), *thing.__bases__] if _is_ours(thing.__module__) else []
    function = inspect.unwrap(thing) if kind in (FunctionType, functools._lru_cache_wrapper) else None
    if not isinstance(function, FunctionType) or not _is_ours(function.__module__):
        return []
    if f"{function.__module__}.{function.__qualname__}" not in BY_INPUT:
        return list(_named_in(function.__code__, function.__globals__))
    return []


def _named_in(code: CodeType, names: dict[str, Any]) -> Iterator[Any]:
    """Yield the globals that a function's code names, what it imports, and the attributes of the project's modules."""
    modules = [names[name] for name in code.co_names if type(names.get(name)) is ModuleType]
    for name in code.co_names:
        if name in names:
            yield names[name]
        for module in modules:
            if _is_ours(f"{module.__name__}.") and hasattr(module, name):
                yield getattr(module, name)
    imports = IMPORT_NAME in code.co_code[::2]  # to disassemble every function would be half of the time
    for instruction in dis.get_instructions(code) if imports else ():
        if instruction.opcode == IMPORT_NAME:
            yield from _imported(str(instruction.argval), code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _named_in(constant, names)


def _imported(module: str, names: tuple[str, ...]) -> Iterator[Any]:
    """Yield what a function imports when it runs: of a module that is not loaded only the name is known."""
    if not _is_ours(module):
        yield ModuleType(module)
        return
    try:
        loaded = sys.modules.get(module) or importlib.import_module(module)
    except ModuleNotFoundError as missing:
        yield ModuleType(missing.name or module)
        return
    yield from (getattr(loaded, name) for name in names if hasattr(loaded, name))


def _is_ours(module: Any) -> bool:
    return isinstance(module, str) and f"{module}.".startswith((*OURS, "conftest.", "test_"))
