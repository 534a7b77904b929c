"""The path of each function's main module, for functions-framework."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
CLASSIFY_REQUEST = ROOT / "functions" / "classify_request" / "main.py"
CLASSIFY_UPLOAD = ROOT / "functions" / "classify_upload" / "main.py"
MONITOR = ROOT / "functions" / "monitor" / "main.py"
