"""Write the commands and their results in Markdown: outputs are cut, and persons and secrets left out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

FIRST_LINES, LAST_LINES = 8, 16
LONGEST_LINE = 200

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")
SECRETS = (
    (re.compile(r"ya29\.[\w.-]+|eyJ[\w-]+(?:\.[\w-]*){0,2}|AIza[\w-]{20,}|GOCSPX-[\w-]+"), "(token)"),
    (re.compile(r"(?i)\b(bearer\s+|(?:token|password|secret)s?\s*[=:]\s*|--token\s+)[^\s\"'),$]+"), r"\1(token)"),
    (re.compile(r"-----BEGIN [\s\S]*?(?:-----END [^-]*-----|\Z)"), "(key)"),
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "(e-mail)"),
    (re.compile(r"\b[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}\b"), "(billing account)"),
    (re.compile(r"(?<![\w.,:-])\d{11,13}(?![\w.])|(?<=projects/)\d{6,}|(?<=service-)\d{6,}"), "(number)"),
)
"""Patterns that are removed, and what replaces each."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A step, or its undo, and its result."""

    name: str
    commands: tuple[str, ...]
    output: str
    seconds: float
    fault: str = ""
    """Why it failed; empty where it passed."""
    proves: str = ""


@dataclass
class Transcript:
    """A transcript, which grows while a check runs.

    Attributes:
        hidden: texts that must not be shown, and the replacement of each, such as the project's id.
    """

    hidden: dict[str, str]
    entries: list[Entry] = field(default_factory=list)

    def as_markdown(self, heading: str) -> str:
        """Return the whole transcript."""
        rows = [f"| {entry.name} | {_took(entry.seconds)} | {_verdict(entry)} |" for entry in self.entries]
        parts = [heading, "", "| step | took | came to |", "|---|--:|---|", *rows]
        for entry in self.entries:
            fence = "`" * 4
            shown = [f"$ {line}" for line in entry.commands] + self._cut(entry.output)
            parts += ["", f"**{entry.name}**", "", f"{fence}text", *shown, fence]
        return self.clean("\n".join(parts)) + "\n"

    def clean(self, text: str) -> str:
        """Return a text without secrets, people, projects and controls of a terminal."""
        text = ESCAPES.sub("", text)
        for hidden, shown in self.hidden.items():
            text = text.replace(hidden, shown)
        for pattern, shown in SECRETS:
            text = pattern.sub(shown, text)
        return text

    def _cut(self, output: str) -> list[str]:
        lines = [
            line.rstrip()[:LONGEST_LINE].replace("````", "'").replace("<!--", "<! --")
            for line in self.clean(output).splitlines()
        ]
        lines = [line for line in lines if line]
        omitted = len(lines) - FIRST_LINES - LAST_LINES
        if omitted <= 1:
            return lines
        return [*lines[:FIRST_LINES], f"… {omitted} lines …", *lines[-LAST_LINES:]]


def proved(entries: Iterable[Entry]) -> list[str]:
    """Return the claims that held."""
    return [entry.proves for entry in entries if entry.proves and not entry.fault]


def _verdict(entry: Entry) -> str:
    if entry.fault:
        return f"**failed**: {entry.fault}"
    return f"well: {entry.proves}" if entry.proves else "well"


def _took(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"
