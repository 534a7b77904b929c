"""A console that escapes control characters in everything that it prints."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from shared.cli.terminal import LINE_BREAKS, visible


class TerminalConsole(Console):
    """A console that escapes the control characters of every text."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        if "width" not in options:
            self._width = None  # follow the terminal; Rich keeps COLUMNS from the time of construction

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render as Rich does, with the control characters in texts escaped."""
        for segment in super().render(renderable, options):
            text = segment.text if segment.control else visible(segment.text, LINE_BREAKS)
            yield segment if text == segment.text else Segment(text, segment.style)
