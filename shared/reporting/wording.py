"""Numbers in words: how reports write counts, shares, money, times."""

from __future__ import annotations

from datetime import UTC, datetime


def count(number: int) -> str:
    """Return a count with groups of three digits: ``12,345``."""
    return f"{number:,}"


def counted(number: int, noun: str) -> str:
    """Return a count with its noun: ``1 picture``, ``2 pictures``."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def percent(share: float | None) -> str:
    """Return a share, 0 to 1, in percent with one decimal; a dash where it is not known."""
    return "–" if share is None else f"{100 * share:.1f} %"


def decimal(value: float | None) -> str:
    """Return a score with three decimals; a dash where it is not known."""
    return "–" if value is None else f"{value:.3f}"


def milliseconds(value: float | None) -> str:
    """Return milliseconds; a dash where they are not known."""
    return "–" if value is None else f"{value:,.1f} ms" if value < 10 else f"{value:,.0f} ms"


def dollars(usd: float) -> str:
    """Return US dollars; a small sum is not rounded to nothing."""
    return "< $0.01" if 0 < usd < 0.005 else f"${usd:,.2f}"


def moment(time: datetime) -> str:
    """Return an aware time in UTC, to the minute."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
