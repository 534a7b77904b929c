"""What a source file contains for its readers: comments, docstrings, log lines and messages; and its identifiers."""

from __future__ import annotations

import ast
import builtins
import io
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

LOG_LEVELS = ("debug", "info", "warning", "error", "exception")

BUILT_IN_ERRORS = frozenset(
    name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, BaseException)
)

CODE = re.compile(r"``.*?``|`[^`\n]*`|https?://\S+", re.DOTALL)
"""Code and addresses inside of a text, which are not prose."""

CLASS_STATEMENT = re.compile(r"^\s*class (\w+)\(([^)]*)\)", re.MULTILINE)

TEXTS_OF_SCRIPT = re.compile(r'//[^\n]*|/\*.*?\*/|"[^"\n]* [^"\n]*"|`[^`]* [^`]*`', re.DOTALL)
"""Comments of JavaScript and CSS, and strings that have a space."""

NAMES_OF_SCRIPT = re.compile(r"\b(?:const|let|function|class)\s+(\w+)|\(?\b(\w+)\)?\s*=>")


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a file: a text, or an identifier."""

    line: int
    text: str

    def line_at(self, offset: int) -> int:
        """Return the line in the file of an offset in the text."""
        return self.line + self.text.count("\n", 0, offset)


def without_code(text: str) -> str:
    """Blank the code in a text; lines stay where they are."""
    return CODE.sub(lambda match: re.sub(r"[^\n]", "_", match[0]), text)


def texts_of_python(source: str, tree: ast.Module, errors: frozenset[str]) -> Iterator[Passage]:
    """Yield the docstrings, comments, log lines and error messages of a module.

    Args:
        source: the module.
        tree: its syntax tree.
        errors: names of the classes whose constructors take a message.
    """
    if "#" in source:
        yield from _comments(source)
    named: dict[str, list[Passage]] = defaultdict(list)
    calls = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield Passage(node.value.lineno, without_code(node.value.value))
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            named[node.targets[0].id] += _strings(node.value)
        elif isinstance(node, ast.Call) and _takes_text(node, errors):
            calls.append(node)
    for call in calls:
        for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
            yield from _strings(argument)
            if isinstance(argument, ast.Name):  # text = f"…"; raise BadRequest(text, 413)
                yield from named[argument.id]


def _takes_text(call: ast.Call, errors: frozenset[str]) -> bool:
    """Return whether a call logs a line, or makes an error."""
    match call.func:
        case ast.Attribute(attr=name, value=ast.Name(id=owner)) if name in LOG_LEVELS:
            return owner.lower().endswith(("log", "logger"))
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name in errors
    return False


def _strings(node: ast.AST) -> list[Passage]:
    """Return the texts of an expression; a value inside of an f-string becomes an ellipsis."""
    if isinstance(node, ast.JoinedStr):
        parts = (str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
        inner = [part for value in node.values if isinstance(value, ast.FormattedValue) for part in _strings(value)]
        return [Passage(node.lineno, without_code("".join(parts))), *inner]
    if isinstance(node, ast.Constant):
        return [Passage(node.lineno, without_code(node.value))] if isinstance(node.value, str) else []
    return [passage for child in ast.iter_child_nodes(node) for passage in _strings(child)]


def _comments(source: str) -> Iterator[Passage]:
    """Yield the comments of a module; comments of consecutive lines are one."""
    start, lines = 0, list[str]()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        if lines and token.start[0] == start + len(lines):
            lines.append(token.string.lstrip("#"))
            continue
        if lines:
            yield Passage(start, without_code("\n".join(lines)))
        start, lines = token.start[0], [token.string.lstrip("#")]
    if lines:
        yield Passage(start, without_code("\n".join(lines)))


def names_in_python(tree: ast.Module) -> Iterator[Passage]:
    """Yield every identifier that a module defines: classes, functions, arguments, variables, attributes."""
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield Passage(node.lineno, name)
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield Passage(node.lineno, name)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.alias(asname=str(name)):
                yield Passage(node.lineno, name)


def error_classes(sources: Iterable[str]) -> frozenset[str]:
    """Return the names of the built-in errors, and of the classes of modules that are derived from one."""
    bases = {
        match[1]: set(re.findall(r"\w+", match[2])) for source in sources for match in CLASS_STATEMENT.finditer(source)
    }
    errors = set(BUILT_IN_ERRORS)
    while more := {name for name, parents in bases.items() if name not in errors and parents & errors}:
        errors |= more
    return frozenset(errors)


def texts_of_script(source: str) -> Iterator[Passage]:
    """Yield the comments of a JavaScript or CSS file, and its strings that have a space."""
    for match in TEXTS_OF_SCRIPT.finditer(source):
        text = re.sub(r"(?m)^\s*\*", "", match[0].strip("`")) if match[0].startswith("/*") else match[0].strip("`")
        yield Passage(source.count("\n", 0, match.start()) + 1, without_code(text))


def names_in_script(source: str) -> Iterator[Passage]:
    """Yield the identifiers that a JavaScript file declares, and the argument of each arrow function with one."""
    for match in NAMES_OF_SCRIPT.finditer(source):
        yield Passage(source.count("\n", 0, match.start()) + 1, match[1] or match[2])


def text_of_page(source: str) -> Passage:
    """Return an HTML file without its tags and Jinja's; attributes for screen readers stay."""
    return Passage(1, re.sub(r"\{[{%].*?[%}]\}|</?[a-z][^>\"]*|\b(?!aria-label)[\w-]+=\"[^\"]*\"", " ", source))
