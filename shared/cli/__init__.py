"""The command line. Each command is in the module of its name, which is imported when the command is called."""

from __future__ import annotations

import importlib

import click

from shared.cli.terminal import Commands

COMMANDS = (
    "up",
    "status",
    "logs",
    "down",
    "demo",
    "drop",
    "classify",
    "query",
    "label",
    "export",
    "sweep",
    "replay",
    "release",
    "monitor",
    "report",
    "smoke",
    "doctor",
    "load",
    "bundle",
    "train",
    "evaluate",
    "compare",
)
"""The commands in the order in which users need them."""


class _Commands(Commands):
    """A group that imports a command's module on demand, so that ``--help`` does not wait for TensorFlow."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"shared.cli.{cmd_name}").command
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="bucketlens")
def main() -> None:
    """Upload an image to a bucket; read its label in BigQuery.

    \b
    Example, without an account:
      bucketlens up --detach
      bucketlens drop photo.jpg --wait
      bucketlens query "SELECT image.name, label, score FROM bucketlens.latest_predictions"
      bucketlens down

    Exit codes: 0 success; 1 something failed or broke a limit, and the output names it; 2 the arguments are
    invalid.
    """
