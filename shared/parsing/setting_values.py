"""Parse the values of settings: numbers, names and lists.

Each parser raises ``ValueError`` whose message is what was expected.
"""

from __future__ import annotations

import re

BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")

DATASET_NAME = re.compile(r"[A-Za-z0-9_]{1,1024}")

HOST = re.compile(r"([a-z0-9]([a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
"""A name or an address, IPv6 in brackets, with or without a port, in lower case."""

MIN_KEY_CHARACTERS = 32
"""32 hex digits are 128 bits; a shorter key could be guessed offline from a token."""


def entries(value: str) -> tuple[str, ...]:
    """Return the entries of a list with commas; empty ones are dropped."""
    return tuple(entry.strip() for entry in value.split(",") if entry.strip())


def text(value: str) -> str:
    """Return a value unchanged."""
    return value


def bucket(value: str) -> str:
    """Return the name of a bucket.

    Raises:
        ValueError: the message is what was expected.
    """
    if not BUCKET_NAME.fullmatch(value):
        raise ValueError("a bucket name: 3 to 222 of a-z, 0-9, dot, dash, underscore")
    return value


def optional_bucket(value: str) -> str:
    """Return the name of a bucket, or an empty text.

    Raises:
        ValueError: the message is what was expected.
    """
    return bucket(value) if value else ""


def buckets(value: str) -> tuple[str, ...]:
    """Return the bucket names of a list with commas; empty ones are dropped.

    Raises:
        ValueError: the message is what was expected.
    """
    return tuple(bucket(name) for name in entries(value))


def dataset(value: str) -> str:
    """Return the name of a BigQuery dataset.

    Raises:
        ValueError: the message is what was expected.
    """
    if not DATASET_NAME.fullmatch(value):
        raise ValueError("a dataset name: letters, digits and underscores")
    return value


def positive(value: str) -> int:
    """Return a whole number above 0.

    Raises:
        ValueError: the message is what was expected.
    """
    number = int(value) if value.isascii() and value.isdigit() else 0
    if number < 1:
        raise ValueError("a whole number above 0")
    return number


def log_format(value: str) -> str:
    """Return the format of log lines.

    Raises:
        ValueError: the message is what was expected.
    """
    return _choice(("auto", "json", "text"), value)


def yes_or_no(value: str) -> bool:
    """Return the value of ``true`` or ``false``, in any case.

    Raises:
        ValueError: the message is what was expected.
    """
    if value.lower() not in ("true", "false"):
        raise ValueError("true or false")
    return value.lower() == "true"


def hosts(value: str) -> tuple[str, ...]:
    """Return the host names of a list with commas, in lower case; empty ones are dropped.

    Raises:
        ValueError: the message is what was expected.
    """
    names = entries(value.lower())
    if not all(HOST.fullmatch(name) for name in names):
        raise ValueError("host names separated by commas, such as images.example.com or localhost:8080")
    return names


def caller_source(value: str) -> str:
    """Return the name of the check in front of the service.

    Raises:
        ValueError: the message is what was expected.
    """
    return _choice(("iam", "iap", "none"), value)


def secret_keys(value: str) -> tuple[str, ...]:
    """Return the secret keys of a list with commas; empty ones are dropped.

    Raises:
        ValueError: the message is what was expected, without the value.
    """
    keys = entries(value)
    if not all(len(key) >= MIN_KEY_CHARACTERS and key.isascii() and key.isprintable() for key in keys):
        raise ValueError(f"keys of {MIN_KEY_CHARACTERS} or more ASCII characters, as openssl rand -hex 32 makes them")
    return keys


def _choice(words: tuple[str, ...], value: str) -> str:
    """Return a value that must be among some words.

    Raises:
        ValueError: the message lists the words.
    """
    if value not in words:
        raise ValueError(f"{', '.join(words[:-1])} or {words[-1]}")
    return value
