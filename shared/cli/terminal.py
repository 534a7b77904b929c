"""Safe output on a terminal: names of others are escaped, so that they are neither Rich markup nor control codes.

Users who may upload choose names. An escape code in a name could set a window's title or hide the text after it, as
could a character that changes the direction of writing. Every table and line of the commands passes these functions; a
``TerminalConsole`` calls them itself.
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
"""Unicode categories that are escaped: controls, formats (directions of writing), surrogates, line breaks."""

JOINERS = frozenset("\u200c\u200d")
"""Formats that are kept, since text needs them: in emoji, and in Persian and Hindi."""

LINE_BREAKS = frozenset("\n")
"""The control characters of our own lines; those of names are escaped before."""


def visible(text: object, keep: frozenset[str] = frozenset()) -> str:
    """Return a text with control characters escaped: ``\\x1b`` for the escape character.

    Args:
        text: a string, or a value that is converted to one.
        keep: control characters that are not escaped.
    """
    plain = str(text)
    if plain.isascii() and plain.isprintable():
        return plain
    return "".join(
        character.encode("unicode_escape").decode("ascii") if _is_control(character, keep) else character
        for character in plain
    )


def shown(text: object) -> str:
    """Return a name of others, escaped for Rich markup: for a cell of a table, or between our own tags."""
    from rich.markup import escape  # `--help` must not wait for Rich

    return escape(visible(text))


def say(text: object, err: bool = False, nl: bool = True) -> None:
    """Print a text with control characters escaped, except line breaks."""
    click.echo(visible(text, LINE_BREAKS), err=err, nl=nl)


def say_json(value: Any, **options: Any) -> None:
    """Print a value as JSON; control characters are written as JSON escapes, so nothing is lost."""
    text = json.dumps(value, ensure_ascii=False, **options)
    click.echo("".join(_in_json(character) for character in text) if not text.isascii() else text)


class Commands(click.Group):
    """A group of commands whose errors are escaped as by ``say``, on terminals of any encoding.

    A ``BucketlensError`` of a command is printed as its sentence, never as a traceback: with exit code 2 if other
    arguments or settings can correct it, else 1.
    """

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """Parse the arguments."""
        _escape_what_cannot_be_encoded()
        with _visible_errors():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with _visible_errors():
            return super().invoke(ctx)


@contextmanager
def _visible_errors() -> Iterator[None]:
    try:
        yield
    except click.ClickException as error:
        vars(error)["message"] = visible(error.message, LINE_BREAKS)
        raise
    except (BadRequest, Misconfigured) as error:
        raise click.UsageError(visible(error, LINE_BREAKS)) from error
    except BucketlensError as error:
        raise click.ClickException(visible(error, LINE_BREAKS)) from error


def _escape_what_cannot_be_encoded() -> None:
    """Escape characters that the output's encoding lacks, as ``\\u2713``, instead of raising an error."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure") and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def _is_control(character: str, keep: frozenset[str]) -> bool:
    return character not in keep and character not in JOINERS and unicodedata.category(character) in CONTROLS


def _in_json(character: str) -> str:
    if character == "\n" or not _is_control(character, LINE_BREAKS):
        return character
    return json.dumps(character)[1:-1]
