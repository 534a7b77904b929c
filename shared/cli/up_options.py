"""Options of ``bucketlens up`` for hosting: the address that it listens on, and settings of its functions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path

import click

from shared.errors import Misconfigured
from shared.local.cloud import PREFERRED_PORTS, Cloud
from shared.settings import DEFAULT_BUNDLE, Settings

DECIDED = (
    *("GOOGLE_CLOUD_PROJECT", "UPLOAD_BUCKET", "ARCHIVE_BUCKET", "QUARANTINE_BUCKET", "READABLE_BUCKETS"),
    *("REPORT_BUCKET", "BIGQUERY_DATASET", "MODEL_BUNDLE", "LOG_FORMAT"),
)
"""Settings that the local cloud sets itself."""


class _Address(click.ParamType[tuple[str, int]]):
    """An address ``HOST:PORT``, with an IPv4 address or a name."""

    name = "HOST:PORT"

    def convert(
        self, value: str | tuple[str, int], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        if isinstance(value, tuple):
            return value
        host, _, port = value.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            self.fail(f"it is {value!r}, expected HOST:PORT, such as 0.0.0.0:8000", param, ctx)
        return host, int(port)


class _Setting(click.ParamType[tuple[str, str]]):
    """A setting ``NAME=VALUE``."""

    name = "NAME=VALUE"

    def convert(
        self, value: str | tuple[str, str], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        name, separator, text = value.partition("=")
        if not separator or name not in settable():
            self.fail(f"it is {value!r}, expected NAME=VALUE with a name of {', '.join(settable())}", param, ctx)
        return name, text


listen_option = click.option(
    "--listen",
    type=_Address(),
    help="The address of the page and the HTTPS function. Clients that reach it may classify; other parts stay "
    "on 127.0.0.1.  [default: 127.0.0.1:8080, or a free port]",
)
settings_option = click.option(
    "--set",
    "settings",
    type=_Setting(),
    multiple=True,
    help="A setting of the functions from docs/settings.md; may be repeated.",
)


def settable() -> list[str]:
    """Return the names of the settings that ``--set`` accepts."""
    return [env for setting in fields(Settings) if (env := setting.metadata["env"]) not in DECIDED]


def checked_settings(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the settings of ``--set`` by name, validated.

    Raises:
        click.UsageError: the functions would refuse a setting; every fault is named.
    """
    settings = dict(pairs)
    cloud = Cloud(Path(), PREFERRED_PORTS, 0, DEFAULT_BUNDLE, settings=settings)
    try:
        Settings.from_environment(cloud.environment)
    except Misconfigured as error:
        raise click.UsageError(str(error)) from error
    return settings
