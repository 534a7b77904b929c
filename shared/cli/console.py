"""A console that obeys nothing of what it prints."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from shared.cli.terminal import OURS, visible


class TerminalConsole(Console):
    """A console on which nothing that is printed is obeyed, by whatever way it came."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        if "width" not in options:
            self._width = None  # which follows the terminal: Rich keeps COLUMNS as it was when the console was made

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render as Rich does, with the controls in texts written out."""
        for segment in super().render(renderable, options):
            text = segment.text if segment.control else visible(segment.text, OURS)
            yield segment if text == segment.text else Segment(text, segment.style)
