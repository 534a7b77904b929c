"""Every door takes the same steps: who decodes, who takes the rate limit, who defines a port, by the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.types import Call, Source, Times

ROOT = Path(__file__).parents[1]
TREES = {
    path.relative_to(ROOT).as_posix(): ast.parse(path.read_text("utf-8"))
    for folder in ("shared", "functions")
    for path in (ROOT / folder).rglob("*.py")
}

DECODING = {
    "shared/inference/from_bytes.py",
    "shared/inference/explained_image.py",
    "shared/pipeline/pipeline.py",
    "shared/importing/calibrate.py",
    "shared/importing/samples.py",
    "shared/training/dataset.py",
    "shared/reporting/thumbnails.py",
}
"""The steps, those that load pictures to make a model of, and the one that shows archived pictures in a report."""


def imports_of(tree: ast.AST, module: str) -> Iterator[str]:
    """Yield the names that a source imports from a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == module:
            yield from (alias.name for alias in node.names)


def is_protocol(node: ast.AST) -> bool:
    return isinstance(node, ast.ClassDef) and any("Protocol" in ast.unparse(base) for base in node.bases)


def test_images_are_decoded_by_the_steps_for_training_and_for_reports_only() -> None:
    modules = {
        file
        for file, tree in TREES.items()
        if "decode" in imports_of(tree, "shared.images.decode") and not file.startswith("shared/images/")
    }
    assert modules == DECODING


def test_rate_limit_is_taken_by_the_pipeline_only() -> None:
    modules = {
        file
        for file, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in ("take", "wait")
        if isinstance(node.value, ast.Attribute) and node.value.attr == "rate"
    }
    assert modules == {"shared/pipeline/pipeline.py"}


def test_warehouse_is_one_port() -> None:
    modules = {
        f"{file}: {node.name}"
        for file, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and is_protocol(node)
        if any(isinstance(member, ast.FunctionDef) and member.name == "query" for member in node.body)
    }
    assert modules == {"shared/ports.py: Warehouse"}


def test_times_are_of_the_outcome_and_never_change() -> None:
    assert not hasattr(Call(Source.EVENT, datetime.now(UTC)), "times")
    with pytest.raises(FrozenInstanceError):
        Times().total_ms = 1.0  # type: ignore[misc]
