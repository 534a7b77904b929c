"""Perform a Dockerfile's stages in folders, which have only what they COPY and what they install."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from tests.environments import NO_NETWORK, Impossible
from tests.system.image.base import Base, base_for
from tests.system.image.confinement import confinement, own_folders, prepare
from tests.system.image.context import build_context, matching
from tests.system.image.dockerfile import (
    Cmd,
    Copy,
    Dockerfile,
    Entrypoint,
    Env,
    Instruction,
    Run,
    Stage,
    User,
    Workdir,
    parse,
    substituted,
)

ROOT = Path(__file__).resolve().parents[3]
KEPT = ROOT / ".bucketlens" / "images"
INSTALLS = "pip --python"
STEP_S = 480

PASSED_ON = ("PIP_", "SSL_CERT_", "REQUESTS_CA_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy")
"""Variables by which this machine reaches its package index; an engine passes the proxies on as well."""


class BuildFailed(Exception):
    """A step failed. The message names the stage and the step."""


@dataclass(frozen=True)
class Image:
    """A performed stage: its files, and how it is started."""

    root: Path
    base: Base
    key: str
    """A digest of everything that the stage was made from."""
    variables: Mapping[str, str]
    workdir: str = "/"
    user: User | None = None
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()

    @property
    def application(self) -> Path:
        """The working folder, which holds everything that the steps made."""
        return self.root / self.workdir.lstrip("/")


class Engine:
    """An engine that performs stages of one Dockerfile over one build context.

    Args:
        context: the build context; ``.dockerignore`` is honoured.
        scratch: an empty folder for cheap stages; those that install packages are kept and used again.
        kept: the folder of those.
    """

    def __init__(self, context: Path, scratch: Path, dockerfile: Dockerfile | None = None, kept: Path = KEPT) -> None:
        self.context = context
        self.scratch = scratch
        self.kept = kept
        self.dockerfile = dockerfile or parse((context / "functions" / "Dockerfile").read_text("utf-8"))
        self.files = build_context(context)
        self._made: dict[str, Image] = {}

    def build(self, target: str) -> Image:
        """Perform a stage and the stages that it needs.

        Raises:
            BuildFailed: a step failed, or copies what the context does not have.
            Impossible: there is no network to install from.
        """
        if target not in self._made:
            stage = self.dockerfile.stage(target)
            image = self._planned(stage)
            is_kept = any(isinstance(step, Run) and INSTALLS in step.command for step in stage.instructions)
            folder = self.kept / f"{stage.name}-{image.key[:12]}" if is_kept else self.scratch / stage.name
            self._made[target] = replace(image, root=folder)
            if is_kept:
                self._once(folder, stage)
            else:
                self._perform(folder, stage)
        return self._made[target]

    def _planned(self, stage: Stage) -> Image:
        """Return the image of a stage without its files; the stages that it needs are performed."""
        image = self._parent(stage)
        for step in stage.instructions:
            made_of = f"{image.key}{step}"
            if isinstance(step, Copy):
                made_of += self.build(step.stage).key if step.stage else self._digest(step, stage)
            image = replace(_configured(image, step), key=hashlib.sha256(made_of.encode()).hexdigest())
        return image

    def _parent(self, stage: Stage) -> Image:
        if stage.base in {other.name for other in self.dockerfile.stages}:
            return self.build(stage.base)
        base = base_for(stage.base)
        variables = {"PATH": base.path, "HOME": "/", "LANG": "C.UTF-8"}
        return Image(self.scratch, base, f"{base}{confinement()}", variables)

    def _digest(self, step: Copy, stage: Stage) -> str:
        digest = hashlib.sha256()
        for file, name in self._copied(step, stage).items():
            digest.update(f"{name} {hashlib.sha256((self.context / file).read_bytes()).hexdigest()}\n".encode())
        return digest.hexdigest()

    def _once(self, folder: Path, stage: Stage) -> None:
        """Perform a stage unless that was done before; of several runs in parallel one does, and the others wait."""
        self.kept.mkdir(parents=True, exist_ok=True)
        with folder.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # the kernel releases it if this process is killed
            finished = folder.with_suffix(".finished")
            if not finished.exists():
                shutil.rmtree(folder, ignore_errors=True)
                self._perform(folder, stage)
                finished.touch()

    def _perform(self, folder: Path, stage: Stage) -> None:
        parent = self._parent(stage)
        image = replace(parent, root=folder)
        prepare(folder, image.base)
        if stage.base in self._made:
            for path in own_folders(parent.root, parent.base):
                _copy_tree(parent.root / path.lstrip("/"), folder / path.lstrip("/"))
        for step in stage.instructions:
            image = _configured(image, step)
            match step:
                case Workdir():
                    image.application.mkdir(parents=True, exist_ok=True)
                case Copy():
                    self._copy(step, stage, image)
                case Run():
                    _run(step, stage, image)

    def _copy(self, step: Copy, stage: Stage, image: Image) -> None:
        destination = image.root / PurePosixPath(image.workdir, step.destination).as_posix().lstrip("/")
        if step.stage:
            copy = _copy_tree if any(isinstance(other, Run) for other in stage.instructions) else link_tree
            for source in step.sources:
                copy(self.build(step.stage).root / source.lstrip("/"), destination)
            return
        copied = self._copied(step, stage)
        is_folder = step.destination.endswith("/") or copied.keys() != set(step.sources)
        for file, name in copied.items():
            path = destination / name if is_folder else destination
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self.context / file, path)

    def _copied(self, step: Copy, stage: Stage) -> dict[str, str]:
        copied: dict[str, str] = {}
        for source in step.sources:
            matches = matching(self.files, source)
            if not matches:
                is_there = any(self.context.glob(source))
                why = ".dockerignore leaves it out" if is_there else "no such file exists"
                raise BuildFailed(f"{stage.name}: COPY {source}: {why}")
            copied |= matches
        return copied


def _configured(image: Image, step: Instruction) -> Image:
    """Return the image after a step that changes no file."""
    match step:
        case Env():
            values = {name: substituted(text, image.variables) for name, text in step.values}
            return replace(image, variables={**image.variables, **values})
        case Workdir():
            return replace(image, workdir=step.path)
        case User():
            return replace(image, user=step)
        case Entrypoint():
            return replace(image, entrypoint=step.words)
        case Cmd():
            return replace(image, cmd=step.words)
        case _:
            return image


def _run(step: Run, stage: Stage, image: Image) -> None:
    variables = {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)}
    words, environment, folder = confinement().command(
        image.root,
        ["/bin/sh", "-c", step.command],
        {**variables, **image.variables},
        base=image.base,
        workdir=image.workdir,
        memory=True,
    )
    done = subprocess.run(
        words, env=environment, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=STEP_S
    )
    if done.returncode:
        last_lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        if NO_NETWORK.search(done.stderr) or "connection" in done.stderr.lower():
            raise Impossible(
                f"{stage.name} could not be installed ({last_lines[-1].strip()}); try again with a network"
            )
        raise BuildFailed(
            "\n".join([f"{stage.name}: RUN {step.command}: exit code {done.returncode}", *last_lines[-15:]])
        )


def _copy_tree(source: Path, destination: Path) -> None:
    shutil.copytree(source, destination, symlinks=True, dirs_exist_ok=True)


def link_tree(source: Path, destination: Path) -> None:
    """Copy by hard links where possible, without a second copy on disk; only for stages that RUN nothing."""
    shutil.copytree(source, destination, symlinks=True, dirs_exist_ok=True, copy_function=_link)


def _link(source: str, destination: str) -> None:
    try:
        os.link(source, destination, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, destination, follow_symlinks=False)
