"""Differences of a warehouse from BigQuery's documentation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

WAREHOUSES = OURS, BQEMULATOR, LOCAL_BIGQUERY = ("ours", "bqemulator", "local-bigquery")


class How(Enum):
    """In which way a warehouse differs."""

    ANSWERS = "another answer, or none of the errors that there should be"
    REFUSES = "a sentence, and an error that clients do not repeat"
    BREAKS = "an error that clients repeat"


@dataclass(frozen=True, slots=True)
class Cell:
    """What one warehouse does instead of what is documented."""

    does: str
    how: How = How.ANSWERS


@dataclass(frozen=True, slots=True)
class Difference:
    """A documented rule that at least one warehouse does not keep. Where it is not kept, its test must fail."""

    rule: str
    """The name of a test, or of a query in ``test_documented_behaviour``, without ``test_`` and with spaces."""
    documented: str
    link: str
    ours: Cell | None = None
    bqemulator: Cell | None = None
    local_bigquery: Cell | None = None

    def cell(self, warehouse: str) -> Cell | None:
        """Return what a warehouse does instead; None where it does as documented."""
        cells = (self.ours, self.bqemulator, self.local_bigquery)
        return dict(zip(WAREHOUSES, cells, strict=True))[warehouse]


def refuses(does: str) -> Cell:
    """Return the cell of a warehouse that refuses the request."""
    return Cell(does, How.REFUSES)


def breaks(does: str) -> Cell:
    """Return the cell of a warehouse that answers with a 5xx."""
    return Cell(does, How.BREAKS)
