"""Contrast: 3:1 for lines that carry meaning, 4.5:1 for texts (WCAG 2.2, 1.4.11 and 1.4.3)."""

from __future__ import annotations

import re
from itertools import product

import pytest

from shared.http.page import files
from tests.contrast import contrast

LINES = ("border", "accent", "review-mark", "muted")
TEXTS = ("ink", "muted", "accent-ink", "review", "wrong")
GROUNDS = ("paper", "surface")


def colours(scheme: str) -> dict[str, tuple[float, float, float]]:
    """Return the theme's colours by name; channels are 0 to 1."""
    light, dark = re.findall(r":root \{(.*?)\}", files.read("theme.css"), re.DOTALL)[:2]
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", light))
    if scheme == "dark":
        colours |= dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", dark))
    return {name: tuple(int(hexed[at : at + 2], 16) / 255 for at in (1, 3, 5)) for name, hexed in colours.items()}  # type: ignore[misc]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_lines_and_bars_contrast_with_their_background(scheme: str) -> None:
    of = colours(scheme)
    weak = {(line, ground): contrast(of[line], of[ground]) for line, ground in product(LINES, GROUNDS)}
    assert {pair: ratio for pair, ratio in weak.items() if ratio < 3} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_texts_contrast_with_their_background(scheme: str) -> None:
    of = colours(scheme)
    pairs = [*product(TEXTS, GROUNDS), ("review", "review-soft"), ("ink", "review-soft"), ("on-accent", "accent")]
    pairs += [("accent-ink", "review-soft"), ("ink", "accent-soft"), ("accent-ink", "accent-soft")]
    weak = {pair: contrast(of[pair[0]], of[pair[1]]) for pair in pairs}
    assert {pair: ratio for pair, ratio in weak.items() if ratio < 4.5} == {}


def test_page_frames_bars_and_fields_use_the_visible_line() -> None:
    """The faint line is only for dividers."""
    for name in files.STYLES:
        assert "var(--line)" not in files.read(name).replace("--line: var(--ink)", ""), name
