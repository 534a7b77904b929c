"""The files of a folder are classified on every core, with answers in order."""

from __future__ import annotations

from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import shared.cli.classify_files
from shared.bundles.bundle import load_bundle
from shared.bundles.folders import bundle_folder
from shared.cli.classify_files import FEW, classify_file, classify_files, usable_cores
from shared.inference.classifier import Classifier
from shared.local.demo.drawings import drawings
from shared.settings import DEFAULT_BUNDLE, own_models
from shared.wiring import load_model


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Provide five drawn flowers, a shopping list, and a missing file."""
    folder = tmp_path_factory.mktemp("album")
    for label, drawing in drawings().items():
        drawing.resize((224, 224)).save(folder / f"{label}.jpg")
    (folder / "list.jpg").write_text("bread, butter")
    return [*sorted(folder.iterdir()), folder / "missing.jpg"]


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    bundle = load_bundle(bundle_folder(DEFAULT_BUNDLE, own_models()))
    return Classifier(bundle, load_model(bundle, usable_cores()))


@pytest.fixture(scope="module")
def many(album: list[Path]) -> list[Path]:
    """Provide so many files that each core gets a process; not in the order of their names."""
    return (album * (FEW * usable_cores() // len(album) + 1))[::-1]


def test_classify_files_answers_many_files_in_order(
    album: list[Path], many: list[Path], classifier: Classifier
) -> None:
    alone = {path: classify_file(path, classifier) for path in album}
    assert list(classify_files(many, classifier)) == [alone[path] for path in many]
    reasons = {path.name: answer["error"]["reason"] for path, answer in alone.items() if "error" in answer}
    assert reasons == {"list.jpg": "not_an_image", "missing.jpg": "unreadable"}


def test_classify_files_answers_a_few_files_in_order(album: list[Path], classifier: Classifier) -> None:
    assert [answer["path"] for answer in classify_files(album[::-1], classifier)] == [str(path) for path in album[::-1]]


class Recording(ProcessPoolExecutor):
    """A pool that keeps its futures."""

    futures: list[Future[Any]] = []  # noqa: RUF012 - the test has a single pool

    def submit(self, *args: Any, **kwargs: Any) -> Future[Any]:
        self.futures.append(super().submit(*args, **kwargs))
        return self.futures[-1]


def test_classify_files_starts_no_files_after_close(
    many: list[Path], classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files are so many that half of them are not classified when the first answer comes."""
    monkeypatch.setattr(shared.cli.classify_files, "ProcessPoolExecutor", Recording)
    answers = classify_files(many * 100, classifier)
    assert next(answers)["path"] == str(many[0])
    answers.close()  # as Ctrl-C does
    assert all(future.done() for future in Recording.futures)
    assert sum(future.cancelled() for future in Recording.futures) > len(Recording.futures) / 2
