"""One parser of ``gs://`` URIs: what it takes apart, what it refuses, and that nobody has another."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shared.parsing.gs_uri import GsUri, bucket_name, parse_gs_uri

ROOT = Path(__file__).parents[2]
ANOTHER_PARSER = re.compile(r"""(removeprefix|partition|split|lstrip)\((["']gs:|GS\b|SCHEME\b)""")


@pytest.mark.parametrize(
    ("text", "bucket", "name"),
    [
        ("gs://b/n", "b", "n"),
        ("gs://my-uploads/garden/rose ü.jpg", "my-uploads", "garden/rose ü.jpg"),
        ("gs://b//n", "b", "/n"),
        ("gs://b/f/", "b", "f/"),
        ("gs://b/n?generation=7#8", "b", "n?generation=7#8"),
        ("gs://b/gs://c/n", "b", "gs://c/n"),
        ("gs://b/..n", "b", "..n"),
        ("gs://B?/n", "B?", "n"),
        ("gs://b/" + "n" * 1024, "b", "n" * 1024),
    ],
)
def test_gs_uri_has_a_bucket_and_a_name(text: str, bucket: str, name: str) -> None:
    assert parse_gs_uri(text) == GsUri(bucket, name)
    assert str(parse_gs_uri(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "gs", "gs://", "gs:///", "gs:///n", "gs://b", "gs://b/", "gs:/b/n", "b/n", "/b/n"),
        *("GS://b/n", " gs://b/n", "s3://b/n", "https://gs://b/n", "gs://b/\ud800", "gs://\udfff/n"),
    ],
)
def test_gs_uri_parser_refuses_other_text_with_what_was_expected(text: str) -> None:
    with pytest.raises(ValueError, match=r"^gs://bucket/name$"):
        parse_gs_uri(text)


@pytest.mark.parametrize("name", [".", "..", "a\nb", "a\r", "n" * 1025, "ü" * 513])
def test_gs_uri_parser_refuses_an_invalid_object_name(name: str) -> None:
    with pytest.raises(ValueError, match="the name of an object: at most 1,024 bytes, without line breaks"):
        parse_gs_uri(f"gs://b/{name}")


@pytest.mark.parametrize("text", ["b", "gs://b", "gs://b/", "b/", "gs://b//"])
def test_bucket_name_may_have_the_scheme(text: str) -> None:
    assert bucket_name(text) == "b"


def test_gs_uri_is_parsed_in_this_module_only() -> None:
    sources = [path for folder in ("shared", "functions") for path in (ROOT / folder).rglob("*.py")]
    parsers = {path.relative_to(ROOT).as_posix() for path in sources if ANOTHER_PARSER.search(path.read_text("utf-8"))}
    assert parsers == {"shared/parsing/gs_uri.py"}
