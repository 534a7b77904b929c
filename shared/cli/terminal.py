"""What others named, on a terminal: nothing of it is obeyed, by Rich as markup or by the terminal as a control.

Whoever may upload chooses names, and an escape code in one could set a window's title or hide what follows; so could a
character that turns the direction of writing. Every table and line of the commands goes through here; a
console does so by itself.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from shared.errors import BadRequest, BucketlensError, Misconfigured

CONTROLS = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode's categories of what is obeyed: controls, formats (directions of writing), surrogates, breaks of lines."""

JOINERS = frozenset("\u200c\u200d")
"""Formats that writing needs: between the parts of an emoji, and in Persian and Hindi."""

OURS = frozenset("\n")
"""What our own lines have; a name's is written out before it becomes part of one."""


def visible(text: object, keep: frozenset[str] = frozenset()) -> str:
    """Return a text with everything that a terminal would obey written out: ``\\x1b`` for the escape character.

    Args:
        text: anything; what is no string is made one.
        keep: controls that stay.
    """
    plain = str(text)
    if plain.isascii() and plain.isprintable():
        return plain
    return "".join(
        character.encode("unicode_escape").decode("ascii") if _is_obeyed(character, keep) else character
        for character in plain
    )


def shown(text: object) -> str:
    """Return what others named, as it may stand in Rich's markup: in a cell of a table, or between our own tags."""
    from rich.markup import escape  # `--help` waits for no Rich

    return escape(visible(text))


def say(text: object, err: bool = False, nl: bool = True) -> None:
    """Print a text as it is but for controls; its line breaks are ours."""
    click.echo(visible(text, OURS), err=err, nl=nl)


def say_json(value: Any, **options: Any) -> None:
    """Print a value as JSON; what a terminal would obey is written as JSON writes it, so nothing is lost."""
    text = json.dumps(value, ensure_ascii=False, **options)
    click.echo("".join(_in_json(character) for character in text) if not text.isascii() else text)


class Commands(click.Group):
    """A group of commands whose errors are written as ``say`` writes, on terminals of any encoding.

    An error of ours that a command lets through is its sentence too, and never a traceback: exit code 2 where it can be
    put right by typing or setting something else, else 1.
    """

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """Read what was typed."""
        _write_out_what_cannot_be_encoded()
        with _visible_errors():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        with _visible_errors():
            return super().invoke(ctx)


@contextmanager
def _visible_errors() -> Iterator[None]:
    try:
        yield
    except click.ClickException as error:
        vars(error)["message"] = visible(error.message, OURS)
        raise
    except (BadRequest, Misconfigured) as error:
        raise click.UsageError(visible(error, OURS)) from error
    except BucketlensError as error:
        raise click.ClickException(visible(error, OURS)) from error


def _write_out_what_cannot_be_encoded() -> None:
    """Have a character that the output's encoding has not written as ``\\u2713``, instead of ending with an error."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure") and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def _is_obeyed(character: str, keep: frozenset[str]) -> bool:
    return character not in keep and character not in JOINERS and unicodedata.category(character) in CONTROLS


def _in_json(character: str) -> str:
    if character == "\n" or not _is_obeyed(character, OURS):
        return character
    return json.dumps(character)[1:-1]
