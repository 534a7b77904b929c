"""The period of a report: whole days in UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

DAYS = re.compile(r"\b(?:FIRST|LAST)\b")


@dataclass(frozen=True, slots=True)
class Period:
    """Days in UTC, by which the tables are partitioned; an upload counts on the day on which it came.

    Raises:
        ValueError: the last day is before the first.
    """

    first: date
    last: date
    """Included; the day of the report is not over."""

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(f"The period ends on {self.last}, before it begins, on {self.first}.")

    @classmethod
    def since(cls, first: date, now: datetime) -> Period:
        """Return the period from a day until now.

        Args:
            first: the first day.
            now: aware.

        Raises:
            ValueError: the first day is in the future.
        """
        return cls(first, now.astimezone(UTC).date())

    @classmethod
    def of_days(cls, days: int, now: datetime) -> Period:
        """Return the period from ``days`` ago until now; today counts in addition."""
        today = now.astimezone(UTC).date()
        return cls(today - timedelta(days=days), today)

    @property
    def days(self) -> tuple[date, ...]:
        """Every day, in order."""
        return tuple(self.first + timedelta(days=number) for number in range((self.last - self.first).days + 1))

    def within(self, sql: str) -> str:
        """Return a query with the days in place of FIRST and LAST.

        They are literals: BigQuery prunes partitions by constants, but not by an array in a parameter.
        """
        days = {"FIRST": self.first, "LAST": self.last}
        return DAYS.sub(lambda match: f"DATE '{days[match[0]].isoformat()}'", sql)

    def __str__(self) -> str:
        return f"{self.first} to {self.last}" if self.first != self.last else f"{self.first}"
