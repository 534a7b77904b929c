"""The texts and the identifiers of shared/ and functions/ keep the word lists of docs/style.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.docs.documents import ROOT
from tests.docs.texts import (
    Passage,
    error_classes,
    names_in_python,
    names_in_script,
    text_of_page,
    texts_of_python,
    texts_of_script,
)
from tests.docs.word_lists import avoided, avoided_words_in

CHAPTERS = sorted(
    str(path.relative_to(ROOT))
    for folder in ("shared", "functions")
    for path in (ROOT / folder).iterdir()
    if path.is_dir() and any(path.rglob("*.py"))
)
ALONE = ("shared", "functions")
"""Folders whose own files are a chapter, without the folders below."""

KINDS = (".py", ".js", ".css", ".html")

BETWEEN_LINES = re.compile(r"\n\s*#|[\"']\s*\n\s*f?[\"']")
"""What divides a sentence in the source: the sign of a comment, and the quotes of a string on two lines."""

MACHINES_READ = {"asked": "shared/release/criteria.py", "patience": "shared/training/fit.py"}
"""Identifiers on the list that are a field of JSON or an option, with the only file that may have them."""


@cache
def _errors() -> frozenset[str]:
    return error_classes(path.read_text("utf-8") for path in sorted((ROOT / "shared").rglob("*.py")))


def faults_of(path: str, texts: Iterable[Passage], names: Iterable[Passage]) -> Iterator[str]:
    """Yield a line for each avoided word of a file: where it is, and what to write instead."""
    for passage in texts:
        for offset, word, instead in avoided_words_in(passage.text):
            yield f"{path}:{passage.line_at(offset)}: {word!r}; write: {instead}"
    better = avoided("names")
    for passage in names:
        name = passage.text.strip("_").lower()
        name = name if name in better else name.removesuffix("s")
        if name in better and MACHINES_READ.get(name) != path:
            yield f"{path}:{passage.line}: the name {passage.text}; write: {better[name]}"


def faults_in(path: str, source: str) -> list[str]:
    """Return the faults of a file, by its name's ending; none for other kinds of files."""
    match Path(path).suffix:
        case ".py":
            tree = ast.parse(source)
            may_have = any(avoided_words_in(BETWEEN_LINES.sub(" ", source)))  # most files have none: this is faster
            texts = texts_of_python(source, tree, _errors()) if may_have else ()
            return list(faults_of(path, texts, names_in_python(tree)))
        case ".js" | ".css":
            return list(faults_of(path, texts_of_script(source), names_in_script(source)))
        case ".html":
            return list(faults_of(path, [text_of_page(source)], []))
    return []


def _files_of(chapter: str) -> list[Path]:
    folder = ROOT / chapter
    return sorted(path for path in (folder.glob("*") if chapter in ALONE else folder.rglob("*")) if path.is_file())


@pytest.mark.parametrize("chapter", [*ALONE, *CHAPTERS])
def test_words_of_a_chapter_are_plain(chapter: str) -> None:
    sources = {str(path.relative_to(ROOT)): path for path in _files_of(chapter) if path.suffix in KINDS}
    assert [fault for name, path in sources.items() for fault in faults_in(name, path.read_text("utf-8"))] == []


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ('"""Return it\nat once."""', 2),
        ("x = 1  # nobody\n", 1),
        ("# it is done at\n# once\n", 1),
        ("class X:\n    a: int = 1\n    '''What somebody said.'''\n", 3),
        ("log.info(f'{x} lies there')\n", 1),
        ("raise BadRequest('The door is open.')\n", 1),
        ("text = f'{x} is\tno image.'\nraise ValueError(text)\n", 1),
        ("def f(who: str) -> None: ...\n", 1),
        ("for one in x: ...\n", 1),
        ("places = x\n", 1),
        ("self.found = 1\n", 1),
    ],
)
def test_words_finds_each_kind_of_text_and_name(source: str, line: int) -> None:
    faults = faults_in("a.py", source)
    assert faults
    assert faults[0].startswith(f"a.py:{line}: ")
    assert "write: " in faults[0]


@pytest.mark.parametrize(
    "source",
    [
        '"""There is no image, and it is no longer there; ``said`` is a name."""',
        "x = 'told'\n",
        "log_lines = x.one\n",
    ],
)
def test_words_leaves_data_and_code_alone(source: str) -> None:
    assert faults_in("a.py", source) == []


@pytest.mark.parametrize("source", ["// nobody\n", "/* a\n * door */", "const found = 1;", "say(`It lies there.`);"])
def test_words_reads_scripts(source: str) -> None:
    assert len(faults_in("a.js", source)) == 1


def test_words_reads_pages() -> None:
    assert len(faults_in("a.html", '<p class="told" aria-label="nobody">somebody\n{{ said }}</p>')) == 2
