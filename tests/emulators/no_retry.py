"""The argument that makes google-cloud-bigquery try once, in a type that its annotations accept."""

from __future__ import annotations

from typing import Any

NO_RETRY: Any = None
"""Its documentation has ``retry=None`` for a single try; its annotations have ``Retry`` alone."""
