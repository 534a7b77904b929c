"""Options of ``bucketlens monitor``: one for each threshold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field, fields
from functools import wraps
from math import isfinite
from typing import Any

import click

from shared.errors import Misconfigured
from shared.monitoring.threshold_settings import KINDS, is_whole, thresholds_from, variable_of
from shared.settings import monitor_variables


def thresholds_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add an option for each threshold to a command, which receives them as ``thresholds`` and ``retraining``.

    An option wins over its variable, and that over the default.
    """
    names = [threshold.name for kind in KINDS for threshold in fields(kind)]

    @wraps(command)
    def with_thresholds(**options: Any) -> None:
        typed = {name: options.pop(name) for name in names}
        variables = {
            variable_of(threshold): str(typed[threshold.name])
            for kind in KINDS
            for threshold in fields(kind)
            if typed[threshold.name] is not None
        }
        try:
            verdict, retraining = thresholds_from(monitor_variables() | variables)
        except Misconfigured as error:
            raise click.UsageError(str(error)) from error
        command(thresholds=verdict, retraining=retraining, **options)

    decorated: Callable[..., None] = with_thresholds
    for kind in reversed(KINDS):
        for threshold in reversed(fields(kind)):
            decorated = _option(threshold)(decorated)
    return decorated


def _option(threshold: Field[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    default = "none" if threshold.default is None else f"{threshold.default:g}"
    most = threshold.metadata["most"] if isfinite(threshold.metadata["most"]) else None
    return click.option(
        "--" + threshold.name.replace("_", "-"),
        type=click.IntRange(1) if is_whole(threshold) else click.FloatRange(0, most, min_open=True),
        help=f"{threshold.metadata['help']}  [default: {variable_of(threshold)}, else {default}]",
    )
