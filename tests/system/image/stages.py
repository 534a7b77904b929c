"""Answer questions about a Dockerfile's stages without performing a step."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.system.image.context import matching
from tests.system.image.dockerfile import Copy, Dockerfile, Run, Stage


def lineage(dockerfile: Dockerfile, target: str) -> list[Stage]:
    """Return a target and every stage that it is built on or copies from, each once."""
    stages: dict[str, Stage] = {}
    names = {stage.name for stage in dockerfile.stages}
    waiting = [target]
    while waiting:
        stage = dockerfile.stage(waiting.pop())
        stages[stage.name] = stage
        copied = [step.stage for step in stage.instructions if isinstance(step, Copy) and step.stage]
        waiting += [name for name in (stage.base, *copied) if name in names and name not in stages]
    return list(stages.values())


def copied_files(dockerfile: Dockerfile, target: str, files: list[str]) -> set[str]:
    """Return the files of a context that end up in a target or in a stage that it needs."""
    steps = [step for stage in lineage(dockerfile, target) for step in stage.instructions]
    sources = [source for step in steps if isinstance(step, Copy) and not step.stage for source in step.sources]
    return {file for source in sources for file in matching(files, source)}


def commands(dockerfile: Dockerfile, target: str) -> list[str]:
    """Return the commands that a target and the stages that it needs RUN."""
    steps = [step for stage in lineage(dockerfile, target) for step in stage.instructions]
    return [step.command for step in steps if isinstance(step, Run)]


def needed_modules(root: Path, entries: Iterable[str]) -> set[str]:
    """Return the files of ``shared`` that ``entries`` import, directly or not, also inside functions."""
    files: set[str] = set()
    waiting = list(entries)
    while waiting:
        for module in _imports(root / waiting.pop()):
            for file in _files_of(root, module):
                if file not in files:
                    files.add(file)
                    waiting.append(file)
    return files


def foreign_modules(root: Path, files: Iterable[str]) -> set[str]:
    """Return the modules outside of ``shared`` that some files import."""
    return {module for file in files for module in _imports(root / file) if not module.startswith("shared")}


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            if node.module.startswith("shared"):
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _files_of(root: Path, module: str) -> Iterator[str]:
    """Yield a module's file and those of its packages, as far as they exist."""
    parts = module.split(".")
    if parts[0] != "shared":
        return
    for count in range(1, len(parts) + 1):
        path = "/".join(parts[:count])
        yield from (file for file in (f"{path}.py", f"{path}/__init__.py") if (root / file).is_file())
