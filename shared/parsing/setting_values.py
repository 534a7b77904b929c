"""Values of settings, read from text: numbers, names, and lists with a form of their own."""

from __future__ import annotations

import re

BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")

DATASET_NAME = re.compile(r"[A-Za-z0-9_]{1,1024}")

HOST = re.compile(r"([a-z0-9]([a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
"""A name or an address, IPv6 in brackets, with or without a port, in lower case."""

MIN_KEY_CHARACTERS = 32
"""64 hex digits are 256 bits; fewer than half of that could be guessed away from here."""


def entries(value: str) -> tuple[str, ...]:
    """Read entries with commas between them; what is empty is left out."""
    return tuple(entry.strip() for entry in value.split(",") if entry.strip())


def text(value: str) -> str:
    """Take a value as it is."""
    return value


def bucket(value: str) -> str:
    """Read the name of a bucket.

    Raises:
        ValueError: saying what was expected.
    """
    if not BUCKET_NAME.fullmatch(value):
        raise ValueError("a bucket name: 3 to 222 of a-z, 0-9, dot, dash, underscore")
    return value


def buckets(value: str) -> tuple[str, ...]:
    """Read bucket names with commas between them; what is empty is left out.

    Raises:
        ValueError: saying what was expected.
    """
    return tuple(bucket(name) for name in entries(value))


def dataset(value: str) -> str:
    """Read the name of a BigQuery dataset.

    Raises:
        ValueError: saying what was expected.
    """
    if not DATASET_NAME.fullmatch(value):
        raise ValueError("a dataset name: letters, digits and underscores")
    return value


def positive(value: str) -> int:
    """Read a whole number above 0.

    Raises:
        ValueError: saying what was expected.
    """
    number = int(value) if value.isascii() and value.isdigit() else 0
    if number < 1:
        raise ValueError("a whole number above 0")
    return number


def log_format(value: str) -> str:
    """Read the format of log lines.

    Raises:
        ValueError: saying what was expected.
    """
    return _word_of(("auto", "json", "text"), value)


def yes_or_no(value: str) -> bool:
    """Read ``true`` or ``false``, in any case.

    Raises:
        ValueError: saying what was expected.
    """
    if value.lower() not in ("true", "false"):
        raise ValueError("true or false")
    return value.lower() == "true"


def hosts(value: str) -> tuple[str, ...]:
    """Read host names with commas between them; what is empty is left out.

    Raises:
        ValueError: saying what was expected.
    """
    names = entries(value.lower())
    if not all(HOST.fullmatch(name) for name in names):
        raise ValueError("host names with commas between them, such as images.example.com or localhost:8080")
    return names


def caller_source(value: str) -> str:
    """Read who checks callers.

    Raises:
        ValueError: saying what was expected.
    """
    return _word_of(("iam", "iap", "none"), value)


def secret_keys(value: str) -> tuple[str, ...]:
    """Read secret keys with commas between them; what is empty is left out.

    Raises:
        ValueError: saying what was expected, and nothing of what was given.
    """
    keys = entries(value)
    if not all(len(key) >= MIN_KEY_CHARACTERS and key.isascii() and key.isprintable() for key in keys):
        raise ValueError(f"keys of {MIN_KEY_CHARACTERS} or more ASCII characters, as openssl rand -hex 32 makes them")
    return keys


def _word_of(words: tuple[str, ...], value: str) -> str:
    """Read one of some words.

    Raises:
        ValueError: naming them.
    """
    if value not in words:
        raise ValueError(f"{', '.join(words[:-1])} or {words[-1]}")
    return value
