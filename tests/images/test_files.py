"""A path that a user names is a file, or a folder whose files are found in order, without the hidden ones."""

from __future__ import annotations

from pathlib import Path

from shared.images.files import files_under


def filled(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return folder


def names_under(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in files_under(folder)]


def test_folder_yields_every_file_below_it_in_the_order_of_names(tmp_path: Path) -> None:
    filled(tmp_path, "z.jpg", "a.jpg", "m/b.png", "m/deep/c.gif", "text.txt")
    assert names_under(tmp_path) == ["a.jpg", "m/b.png", "m/deep/c.gif", "text.txt", "z.jpg"]


def test_folder_yields_no_hidden_file_and_none_in_a_hidden_folder(tmp_path: Path) -> None:
    filled(tmp_path, ".DS_Store", "seen.jpg", "m/.thumb.jpg", ".git/a.jpg", "m/.cache/deep/b.jpg", "m/dot.in.name.jpg")
    assert names_under(tmp_path) == ["m/dot.in.name.jpg", "seen.jpg"]


def test_hidden_folder_that_is_named_yields_its_files(tmp_path: Path) -> None:
    assert names_under(filled(tmp_path / ".hidden", "a.jpg", "b/c.jpg")) == ["a.jpg", "b/c.jpg"]


def test_file_yields_itself_even_if_it_is_hidden_or_missing(tmp_path: Path) -> None:
    filled(tmp_path, "a.jpg", ".b.jpg")
    for name in ("a.jpg", ".b.jpg", "missing.jpg"):
        assert list(files_under(tmp_path / name)) == [tmp_path / name]


def test_empty_folder_yields_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert list(files_under(tmp_path)) == []
