"""Whether plots can be drawn here."""

from __future__ import annotations

import importlib.util

import click


def require_matplotlib() -> None:
    """Refuse to make a report where plots cannot be drawn, before anything is read.

    Raises:
        click.ClickException: matplotlib is not installed.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise click.ClickException("Reports need matplotlib, which is not installed here; run `make setup`.")
