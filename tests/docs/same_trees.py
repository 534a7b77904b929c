"""Compare two commits by syntax trees: ``python -m tests.docs.same_trees OLD NEW [PATH...]``.

Names, docstrings, texts and imports are left out of the comparison, so a commit that only renames and rewords keeps
every tree. Modules that differ are listed with the first function or class that does; the exit code is 1 if any does.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator


class _Bare(ast.NodeTransformer):
    """Take out of a tree what a commit that only renames and rewords may change."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        for field, value in ast.iter_fields(node):
            if isinstance(value, str) and field in ("id", "attr", "arg", "name", "asname", "rest", "module"):
                setattr(node, field, "_")
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            node.names = ["_"] * len(node.names)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)):
            node.body = [statement for statement in node.body if not _is_left_out(statement)] or [ast.Pass()]
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        return ast.Constant("_") if isinstance(node.value, str) else node

    def visit_JoinedStr(self, _: ast.JoinedStr) -> ast.Constant:
        return ast.Constant("_")

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        both = isinstance(node.left, ast.Constant) and isinstance(node.right, ast.Constant)
        return ast.Constant("_") if both and isinstance(node.op, ast.Add) else node


def _is_left_out(statement: ast.stmt) -> bool:
    is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return is_text or isinstance(statement, (ast.Import, ast.ImportFrom))


def bare_parts(source: str) -> list[tuple[str, str]]:
    """Return the name and the bare tree of each statement of a module."""
    tree = ast.parse(source)
    names = [
        getattr(statement, "name", type(statement).__name__) for statement in tree.body if not _is_left_out(statement)
    ]
    bare = _Bare().visit(tree)
    return list(zip(names, map(ast.dump, bare.body), strict=False))


def moved_modules(old: str, new: str, paths: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the old and the new path of each module that two commits share and that differs in text."""
    command = ["git", "diff", "--name-status", "-M40%", "--diff-filter=MR", old, new, "--", *paths]
    for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
        parts = line.split("\t")
        if parts[-1].endswith(".py"):
            yield parts[1], parts[-1]


def text_at(commit: str, path: str) -> str:
    """Return a file as it is in a commit."""
    return subprocess.run(["git", "show", f"{commit}:{path}"], capture_output=True, text=True, check=True).stdout


def main(arguments: list[str]) -> int:
    """Print the modules whose trees differ; return 1 if there is any."""
    old, new, *paths = arguments
    equal, different = 0, 0
    for before, after in moved_modules(old, new, paths):
        trees = bare_parts(text_at(old, before)), bare_parts(text_at(new, after))
        if [tree for _, tree in trees[0]] == [tree for _, tree in trees[1]]:
            equal += 1
            continue
        different += 1
        pairs = zip(*trees, strict=False)
        first = next((name for (_, tree), (name, other) in pairs if tree != other), "the number of statements")
        print(f"{after}: differs from {before} at {first}")
    print(f"{equal} modules have equal trees, {different} differ.")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
