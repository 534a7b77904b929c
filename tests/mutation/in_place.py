"""Puts a mutated function in place of the one that was imported, wherever it is in use already."""

from __future__ import annotations

import gc
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType


class NotInPlace(Exception):
    """The mutant changes what runs while the module is imported, so the module must be imported anew."""


def replace_functions(path: Path, source: str, mutated: str) -> int:
    """Give the functions of a module that differ in a mutated text the mutated code; returns how many were there.

    A function is found by its code, so it does not matter who has it: a class, a decorator, a module that imported it,
    or a test. In a class or module, only the bodies of functions may differ, not their defaults or decorators.

    Args:
        path: the file that the module was imported from.
        source: its text.
        mutated: the mutated text.

    Raises:
        NotInPlace: something else differs as well. Nothing was changed.
    """
    try:
        before, after = (compile(text, str(path), "exec", dont_inherit=True) for text in (source, mutated))
    except SyntaxError as error:
        raise NotInPlace from error
    changed = {_key(old): new for old, new in _changed(before, after)}
    functions = [one for one in gc.get_objects() if isinstance(one, FunctionType) and _key(one.__code__) in changed]
    if any(one.__code__.co_freevars != changed[_key(one.__code__)].co_freevars for one in functions):
        raise NotInPlace  # it uses other names of the function around it
    for function in functions:
        function.__code__ = changed[_key(function.__code__)]
    return len(functions)


def _changed(before: CodeType, after: CodeType) -> Iterator[tuple[CodeType, CodeType]]:
    """Yield each function's code that differs, with what it becomes."""
    olds, news = _inner(before), _inner(after)
    if _own(before) != _own(after) or len(olds) != len(news):
        raise NotInPlace
    for old, new in zip(olds, news, strict=True):
        if not old.co_flags & inspect.CO_OPTIMIZED:  # the body of a class
            yield from _changed(old, new)
        elif old != new:
            yield from _with_inner(old, new)


def _with_inner(before: CodeType, after: CodeType) -> Iterator[tuple[CodeType, CodeType]]:
    """Yield a function's code and that of the functions inside, of which some may have been made at import."""
    yield before, after
    olds, news = _inner(before), _inner(after)
    if len(olds) == len(news):
        for old, new in zip(olds, news, strict=True):
            if old != new:
                yield from _with_inner(old, new)


def _inner(code: CodeType) -> list[CodeType]:
    return [one for one in code.co_consts if isinstance(one, CodeType)]


def _key(code: CodeType) -> tuple[str, str, int]:
    """Return what tells a function apart; code that has run does not equal what it was compiled to."""
    return code.co_filename, code.co_qualname, code.co_firstlineno


def _own(code: CodeType) -> tuple[object, ...]:
    constants = [repr(one) for one in code.co_consts if not isinstance(one, CodeType)]
    return code.co_name, code.co_code, code.co_names, code.co_varnames, constants
