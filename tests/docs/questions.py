"""The questions of docs/rows.md, with the queries that answer them."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
QUESTIONS = re.findall(
    r"\*\*(.+?)\*\*[^`]*?```sql\n(.+?)```", (ROOT / "docs" / "rows.md").read_text("utf-8"), re.DOTALL
)
