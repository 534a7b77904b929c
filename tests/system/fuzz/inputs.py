"""Make inputs: files of the corpus with a few faults."""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

CORPUS = Path(__file__).parent / "corpus"
MOST_EDITS = 6

INTERESTING = tuple(
    bytes.fromhex(text) for text in ("00", "ff", "ffff", "ffffffff", "7fffffff", "80000000", "00000001")
)
"""Lengths and offsets that parsers tend to forget."""

STRANGE: tuple[Any, ...] = (
    0,
    -1,
    1 << 31,
    1 << 64,
    10**400,
    1.5,
    1e308,
    math.inf,
    True,
    False,
    None,
    "",
    "\0",
    "\ud800",
    "٣",
    [],
    {},
)
"""Values that a JSON document can hold where another is expected."""

json_values = st.recursive(
    st.sampled_from(STRANGE) | st.text(max_size=12) | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text(max_size=8), inside, max_size=4),
    max_leaves=8,
)


@cache
def corpus(target: str) -> tuple[bytes, ...]:
    """Return a target's corpus, by file name."""
    return tuple(path.read_bytes() for path in sorted((CORPUS / target).iterdir()))


def inputs(target: str, kind: str) -> st.SearchStrategy[bytes]:
    """Return the strategy for a target's inputs."""
    seeds = _one_of(corpus(target))
    wrong_bytes = st.builds(_edited, seeds, _edits(corpus(target)))
    match kind:
        case "json":
            return wrong_bytes | st.builds(_replaced, seeds, _replacements())
        case "request":
            return wrong_bytes | st.builds(_replaced_in_body, seeds, _replacements())
    return wrong_bytes | st.binary(max_size=64)


def _one_of(seeds: tuple[bytes, ...]) -> st.SearchStrategy[bytes]:
    """Draw as ``sampled_from`` does, which would write all seeds into its name."""
    return st.integers(0, len(seeds) - 1).map(lambda index: seeds[index])


def _edits(seeds: tuple[bytes, ...]) -> st.SearchStrategy[list[tuple[str, float, float, bytes]]]:
    """Draw edits: what, where and how far (0 to 1 of the length), and with which bytes."""
    pieces = st.sampled_from(INTERESTING) | st.binary(min_size=1, max_size=8) | _one_of(seeds)
    kinds = st.sampled_from(("overwrite", "insert", "delete", "repeat", "cut", "flip"))
    position = st.floats(0, 1)
    return st.lists(st.tuples(kinds, position, position, pieces), min_size=1, max_size=MOST_EDITS)


def _edited(seed: bytes, edits: list[tuple[str, float, float, bytes]]) -> bytes:
    content = bytearray(seed)
    for kind, where, how_far, piece in edits:
        at = int(where * len(content))
        end = at + int(how_far**4 * (len(content) - at))  # mostly short
        match kind:
            case "overwrite":
                content[at : at + len(piece)] = piece
            case "insert":
                content[at:at] = piece
            case "delete":
                del content[at:end]
            case "repeat":
                content[at:at] = content[at:end] * 3
            case "cut":
                del content[max(at, 4) :]
            case "flip" if at < len(content):
                content[at] ^= 1 << int(how_far * 7)
    return bytes(content)


def _replacements() -> st.SearchStrategy[list[tuple[int, Any, str]]]:
    """Draw which values of a document are replaced, by what, or moved under which other key."""
    return st.lists(st.tuples(st.integers(0, 60), json_values, st.sampled_from(("set", "drop", "wrap"))), max_size=3)


def _replaced(seed: bytes, replacements: list[tuple[int, Any, str]]) -> bytes:
    try:
        document = json.loads(seed)
    except (ValueError, RecursionError):
        return seed
    for index, value, how in replacements:
        places = list(_places(document))
        if not places:
            return json.dumps(value).encode()
        holder, key = places[index % len(places)]
        match how:
            case "set":
                holder[key] = value
            case "drop":
                del holder[key]
            case _:
                holder[key] = [holder[key]]
    return json.dumps(document).replace("Infinity", "1e999").encode()  # which parsers take for a number


def _replaced_in_body(seed: bytes, replacements: list[tuple[int, Any, str]]) -> bytes:
    head, gap, body = seed.partition(b"\n\n")
    return head + gap + _replaced(body, replacements)


def _places(value: Any) -> Any:
    """Yield every holder and key of a document, outermost first."""
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in list(keys):
        yield value, key
    for key in list(keys):
        yield from _places(value[key])
