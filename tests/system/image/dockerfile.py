"""Read a Dockerfile: stages of the few instructions that the project's file uses; all others are refused."""

from __future__ import annotations

import io
import json
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dockerfile_parse import DockerfileParser

VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")


class NotUnderstood(ValueError):
    """A Dockerfile has something that the engine of these tests does not know. The message names the line."""


@dataclass(frozen=True)
class Env:
    """Variables, in order; their values may name earlier ones."""

    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Workdir:
    path: str


@dataclass(frozen=True)
class Copy:
    """Files of the build context, or of another stage."""

    sources: tuple[str, ...]
    destination: str
    stage: str | None


@dataclass(frozen=True)
class Run:
    """A command for ``/bin/sh -c``."""

    command: str


@dataclass(frozen=True)
class User:
    uid: int
    gid: int


@dataclass(frozen=True)
class Entrypoint:
    words: tuple[str, ...]


@dataclass(frozen=True)
class Cmd:
    words: tuple[str, ...]


@dataclass(frozen=True)
class Expose:
    port: int


Instruction = Env | Workdir | Copy | Run | User | Entrypoint | Cmd | Expose


@dataclass(frozen=True)
class Stage:
    """The instructions that follow a FROM."""

    name: str
    """The name in AS, else its number."""
    base: str
    """Another stage, or an image."""
    instructions: tuple[Instruction, ...]


@dataclass(frozen=True)
class Dockerfile:
    """The stages in order; a build without a target makes the last."""

    stages: tuple[Stage, ...]

    def stage(self, name: str) -> Stage:
        """Return a stage by its name."""
        by_name = {stage.name: stage for stage in self.stages}
        if name not in by_name:
            raise NotUnderstood(f"the stage {name!r} does not exist, expected one of {', '.join(by_name)}")
        return by_name[name]


def parse(text: str) -> Dockerfile:
    """Read a Dockerfile.

    Raises:
        NotUnderstood: an instruction, a flag or a form that is not known here, so it is not proved either.
    """
    parser = DockerfileParser(fileobj=io.BytesIO())
    parser.content = text
    arguments: dict[str, str] = {}
    stages: list[Stage] = []
    for line in parser.structure:
        word, value = line["instruction"], line["value"]
        where = f"line {line['startline'] + 1}, {word} {value}"
        if word == "COMMENT":
            continue
        if word == "ARG" and not stages:
            name, _, default = value.partition("=")
            arguments[name] = default
        elif word == "FROM":
            stages.append(_stage(value, arguments, len(stages), where))
        elif not stages or word not in _READERS:
            raise NotUnderstood(f"{where}: expected one of FROM, {', '.join(_READERS)}")
        else:
            last = stages[-1]
            instructions = (*last.instructions, _READERS[word](value, where))
            stages[-1] = Stage(last.name, last.base, instructions)
    return Dockerfile(tuple(stages))


def substituted(text: str, variables: Mapping[str, str]) -> str:
    """Insert values for ``$NAME`` and ``${NAME}``; a name without a value becomes empty, as in Docker."""
    return VARIABLE.sub(lambda match: variables.get(match[1] or match[2], ""), text)


def _stage(value: str, arguments: Mapping[str, str], number: int, where: str) -> Stage:
    base, *rest = value.split()
    if base.startswith("--") or len(rest) not in (0, 2) or (rest and rest[0].upper() != "AS"):
        raise NotUnderstood(f"{where}: expected FROM image, or FROM image AS name")
    return Stage(rest[1] if rest else str(number), substituted(base, arguments), ())


def _env(value: str, where: str) -> Env:
    pairs = [word.partition("=") for word in shlex.split(value)]
    if not all(separator for _, separator, _ in pairs):
        raise NotUnderstood(f"{where}: expected NAME=value")
    return Env(tuple((name, text) for name, _, text in pairs))


def _workdir(value: str, where: str) -> Workdir:
    if not value.startswith("/") or "$" in value:
        raise NotUnderstood(f"{where}: expected an absolute path without variables")
    return Workdir(value)


def _copy(value: str, where: str) -> Copy:
    words = value.split()
    flags = [word for word in words if word.startswith("--")]
    places = [word for word in words if not word.startswith("--")]
    stages = [flag.removeprefix("--from=") for flag in flags if flag.startswith("--from=")]
    if len(stages) != len(flags) or len(flags) > 1 or len(places) < 2 or "$" in value or places[0].startswith("["):
        raise NotUnderstood(f"{where}: expected COPY [--from=stage] source… destination")
    return Copy(tuple(places[:-1]), places[-1], stages[0] if stages else None)


def _run(value: str, where: str) -> Run:
    if value.startswith(("--", "[", "<<")):
        raise NotUnderstood(f"{where}: expected a plain shell command, which works without BuildKit")
    return Run(value)


def _user(value: str, where: str) -> User:
    match = re.fullmatch(r"(\d+):(\d+)", value)
    if not match:
        raise NotUnderstood(f"{where}: expected numbers, uid:gid; Kubernetes cannot tell that a name is not root")
    return User(int(match[1]), int(match[2]))


def _words(value: str, where: str) -> tuple[str, ...]:
    try:
        words = json.loads(value)
    except ValueError:
        words = None
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise NotUnderstood(f'{where}: expected ["program", "argument"]; a shell would keep SIGTERM to itself')
    return tuple(words)


_READERS: dict[str, Callable[[str, str], Instruction]] = {
    "ENV": _env,
    "WORKDIR": _workdir,
    "COPY": _copy,
    "RUN": _run,
    "USER": _user,
    "ENTRYPOINT": lambda value, where: Entrypoint(_words(value, where)),
    "CMD": lambda value, where: Cmd(_words(value, where)),
    "EXPOSE": lambda value, where: Expose(int(value)),
}
