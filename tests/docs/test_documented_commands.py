"""Tests that every `bucketlens` command in a document exists, with all its options."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from shared.cli import main

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])


def typed(text: str) -> Iterator[list[str]]:
    """Yield the words of each command, in blocks and in lines; several commands are on a line each."""
    lines = [
        *re.findall(r"^ {4,}(?:\$ )?(bucketlens .*)$", text, re.MULTILINE),
        *re.findall(r"`(bucketlens [^`]+)`", text),
    ]
    for line in lines:
        for part in re.split(r"&&|\|\||\s\|\s|;\s", line):
            try:
                words = shlex.split(part, comments=True)
            except ValueError:  # its quotes close on another line
                words = part.split()
            if words and words[0] == "bucketlens":
                yield words[1:]


def unknown(words: list[str]) -> str | None:
    """Return the part of a command that does not exist, or None."""
    command: click.Command = main
    context = click.Context(main)
    while isinstance(command, click.Group) and words and re.fullmatch(r"[a-z-]+", words[0]):
        inner = command.get_command(context, words[0])
        if inner is None:
            return words[0]
        command, words = inner, words[1:]
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    options_typed = [word.split("=")[0] for word in words if re.match(r"--?[a-z]", word)]
    return next((name for name in options_typed if name not in {*options, "--help", "-h"}), None)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documented_commands_exist(document: Path) -> None:
    commands = list(typed(document.read_text("utf-8")))
    assert [(words, wrong) for words in commands if (wrong := unknown(words))] == []


def test_documented_commands_are_found_and_checked() -> None:
    text = "    bucketlens drop a --wait  # x\nor `bucketlens nosuch`, `bucketlens drop --nosuch`\n"
    assert [unknown(words) for words in typed(text)] == [None, "nosuch", "--nosuch"]
    assert len(list(typed((ROOT / "docs" / "use.md").read_text("utf-8")))) > 20
