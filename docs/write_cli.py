"""Write docs/cli.md from what ``--help`` of every command prints: ``make docs``. A test compares.

python docs/write_cli.py
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from shared.cli import main as bucketlens  # noqa: E402  # found only now

WIDTH = 100
"""Columns that help is wrapped at, whatever the terminal."""


def cli_page() -> str:
    """Return the page in Markdown: a heading and the help of each command, in the order of ``bucketlens --help``."""
    settings = {**bucketlens.context_settings, "terminal_width": WIDTH, "max_content_width": WIDTH}
    root = click.Context(bucketlens, info_name="bucketlens", **settings)
    parts = [
        "# Commands",
        "What `--help` prints, for every command. Examples with explanations: [use.md](use.md).",
    ]
    for depth, context in _contexts(root):
        text = "\n".join(line.rstrip() for line in context.command.get_help(context).splitlines())
        parts.append(f"{'#' * (depth + 2)} {context.command_path}\n\n```text\n{text}\n```")
    return "\n\n".join(parts) + "\n"


def _contexts(context: click.Context, depth: int = 0) -> Iterator[tuple[int, click.Context]]:
    command = context.command
    # click caches the option with the names of the first context: another one if the command ran alone before.
    command._help_option = None
    yield depth, context
    if not isinstance(command, click.Group):
        return
    for name in command.list_commands(context):
        if (inner := command.get_command(context, name)) and not inner.hidden:
            yield from _contexts(click.Context(inner, info_name=name, parent=context), depth + 1)


def main() -> None:
    """Write the page."""
    (ROOT / "docs" / "cli.md").write_text(cli_page(), "utf-8")


if __name__ == "__main__":
    main()
