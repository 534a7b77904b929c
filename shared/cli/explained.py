"""What ``bucketlens classify --explain`` adds: a heat map over each picture, written to a file or a folder."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Any

import click
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

from shared.cli.classify_files import Answer, classify_file, usable_cores
from shared.cli.options import remarks
from shared.cli.terminal import shown
from shared.inference.classifier import Classifier
from shared.inference.explained_image import decode_to_show, explain_bytes

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


@dataclass(frozen=True)
class HeatMaps:
    """Where the heat maps of some files go. Thread-safe."""

    place: Path
    is_folder: bool
    label: str | None
    """Which label to explain; None for the one that is given."""
    _taken: set[Path]
    """Files that are not written to: the pictures, and the heat maps of this run."""
    _lock: Lock = field(default_factory=Lock)

    def draw(self, path: Path, classifier: Classifier, progress: Progress) -> dict[str, Any]:
        """Explain a picture and write its heat map; returns what --json says of it."""
        content = path.read_bytes()
        with _Occlusion(progress, path) as occlusion:
            explained = explain_bytes(classifier, content, self.label, occlusion)
        picture = explained.draw_on(decode_to_show(content, explained.image).pixels)
        place, explanation = self._place_of(path), explained.explanation
        try:
            picture.save(place)
        except OSError as error:
            raise click.ClickException(f"The heat map {place} cannot be written ({error.strerror}).") from error
        return {
            "label": explanation.label,
            "score": explanation.score,
            "method": explanation.method,
            "heat_map": str(place),
        }

    def _place_of(self, path: Path) -> Path:
        """The file of a heat map; in a folder it takes the place of no picture and no other heat map of this run."""
        if not self.is_folder:
            return self.place
        with self._lock:
            names = (f"{path.stem}-{number}.png" if number > 1 else f"{path.stem}.png" for number in count(1))
            place = next(place for name in names if (place := self.place / name).resolve() not in self._taken)
            self._taken.add(place.resolve())
        return place


def heat_maps(
    place: Path, paths: Sequence[Path], files: Sequence[Path], label: str | None, labels: Sequence[str]
) -> HeatMaps:
    """Check where the heat maps shall go, and make the folder.

    Args:
        place: as the user named it: a picture's file for one file, a folder for several or for a folder.
        paths: the files and folders to classify, as the user named them.
        files: all of those files.
        label: the label to explain, if one is named.
        labels: the model's.

    Raises:
        click.UsageError: the place or the label will not do.
    """
    if label is not None and label not in labels:
        raise click.UsageError(f"--label is {label!r}, expected one of: {', '.join(labels)}.")
    is_folder = len(paths) > 1 or paths[0].is_dir() or place.is_dir()
    if is_folder and place.is_file():
        raise click.UsageError(f"--explain is the file {place}, expected a folder for the heat maps of several files.")
    if not is_folder and place.suffix.lower() not in SUFFIXES:
        raise click.UsageError(f"--explain is {place}, expected a name that ends with {', '.join(SUFFIXES)}.")
    pictures = {file.resolve() for file in files}
    if place.resolve() in pictures:
        raise click.UsageError(f"--explain is {place}, a picture to classify, expected another name.")
    try:
        (place if is_folder else place.parent).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.UsageError(f"--explain is {place}, whose folder cannot be made ({error.strerror}).") from error
    return HeatMaps(place, is_folder, label, pictures)


def explain_files(files: Sequence[Path], classifier: Classifier, maps: HeatMaps) -> Generator[Answer]:
    """Classify files as ``classify_files`` does and write their heat maps, with progress bars; answers are in order.

    All are explained before the first is yielded. After Ctrl-C those that were are yielded, then it is raised again.

    Args:
        files: of any kind; one that cannot be classified has no heat map.
        classifier: the model.
        maps: where the heat maps go.
    """

    def explained(file: Path) -> Answer:
        answer = classify_file(file, classifier)
        return answer if "error" in answer else {**answer, "explained": maps.draw(file, classifier, progress)}

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with ThreadPoolExecutor(usable_cores()) as threads, Progress(*columns, console=remarks, transient=True) as progress:
        answers, interrupt = [], None
        try:
            for answer in progress.track(threads.map(explained, files), len(files), description="Explaining"):
                answers.append(answer)  # noqa: PERF402  # what is there when it breaks off counts
        except KeyboardInterrupt as error:
            interrupt = error
            threads.shutdown(cancel_futures=True)
    if any("explained" in answer for answer in answers):
        remarks.print(f"Heat maps: {shown(maps.place)}")
    yield from answers
    if interrupt:
        raise interrupt


class _Occlusion:
    """The bar of one occlusion, which is there as long as it runs."""

    def __init__(self, progress: Progress, path: Path) -> None:
        self._progress = progress
        self._name = path.name
        self._task: TaskID | None = None

    def __enter__(self) -> _Occlusion:
        return self

    def __exit__(self, *_: object) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)

    def __call__(self, done: int, total: int) -> None:
        if self._task is None:
            self._task = self._progress.add_task(f"Covering parts of {self._name}", total=total)
        self._progress.update(self._task, completed=done)
