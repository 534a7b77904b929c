"""Draw the heatmaps of ``bucketlens classify --explain``, to a file or a folder."""

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
    """The heatmaps of some files, and the file of each. Thread-safe."""

    target: Path
    is_folder: bool
    label: str | None
    """The label to explain; None for the label of each picture."""
    _taken: set[Path]
    """Files that must not be overwritten: the pictures, and the heatmaps of this run."""
    _lock: Lock = field(default_factory=Lock)

    def draw(self, path: Path, classifier: Classifier, progress: Progress) -> dict[str, Any]:
        """Explain a picture and write its heatmap; return the fields for --json."""
        content = path.read_bytes()
        with _Occlusion(progress, path) as occlusion:
            explained = explain_bytes(classifier, content, self.label, occlusion)
        picture = explained.draw_on(decode_to_show(content, explained.image).pixels)
        target, explanation = self._target_of(path), explained.explanation
        try:
            picture.save(target)
        except OSError as error:
            raise click.ClickException(f"The heatmap {target} cannot be written ({error.strerror}).") from error
        return {
            "label": explanation.label,
            "score": explanation.score,
            "method": explanation.method,
            "heat_map": str(target),
        }

    def _target_of(self, path: Path) -> Path:
        """Return the file of a heatmap; in a folder, one that overwrites no picture and no heatmap of this run."""
        if not self.is_folder:
            return self.target
        with self._lock:
            names = (f"{path.stem}-{number}.png" if number > 1 else f"{path.stem}.png" for number in count(1))
            target = next(file for name in names if (file := self.target / name).resolve() not in self._taken)
            self._taken.add(target.resolve())
        return target


def heat_maps(
    target: Path, paths: Sequence[Path], files: Sequence[Path], label: str | None, labels: Sequence[str]
) -> HeatMaps:
    """Check the target of the heatmaps, and make its folder.

    Args:
        target: as the user typed it: an image file for one file, a folder for several files or for a folder.
        paths: the files and folders to classify, as the user typed them.
        files: all files to classify.
        label: the label to explain, if the user typed one.
        labels: the labels of the model.

    Raises:
        click.UsageError: the target or the label is invalid.
    """
    if label is not None and label not in labels:
        raise click.UsageError(f"--label is {label!r}, expected one of: {', '.join(labels)}.")
    is_folder = len(paths) > 1 or paths[0].is_dir() or target.is_dir()
    if is_folder and target.is_file():
        raise click.UsageError(f"--explain is the file {target}, expected a folder for the heatmaps of several files.")
    if not is_folder and target.suffix.lower() not in SUFFIXES:
        raise click.UsageError(f"--explain is {target}, expected a name that ends with {', '.join(SUFFIXES)}.")
    pictures = {file.resolve() for file in files}
    if target.resolve() in pictures:
        raise click.UsageError(f"--explain is {target}, a picture to classify; choose another name.")
    try:
        (target if is_folder else target.parent).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.UsageError(f"--explain is {target}, whose folder cannot be made ({error.strerror}).") from error
    return HeatMaps(target, is_folder, label, pictures)


def explain_files(files: Sequence[Path], classifier: Classifier, maps: HeatMaps) -> Generator[Answer]:
    """Classify files as ``classify_files`` does and write their heatmaps, with progress bars; answers are in order.

    All files are explained before the first answer is yielded. After Ctrl-C the answers so far are yielded, then
    KeyboardInterrupt is raised again.

    Args:
        files: of any kind; a file that cannot be classified gets no heatmap.
        classifier: the model.
        maps: writes the heatmaps.
    """

    def explained(file: Path) -> Answer:
        answer = classify_file(file, classifier)
        return answer if "error" in answer else {**answer, "explained": maps.draw(file, classifier, progress)}

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with ThreadPoolExecutor(usable_cores()) as threads, Progress(*columns, console=remarks, transient=True) as progress:
        answers, interrupt = [], None
        try:
            for answer in progress.track(threads.map(explained, files), len(files), description="Explaining"):
                answers.append(answer)  # noqa: PERF402  # keeps the answers before an interrupt
        except KeyboardInterrupt as error:
            interrupt = error
            threads.shutdown(cancel_futures=True)
    if any("explained" in answer for answer in answers):
        remarks.print(f"Heatmaps: {shown(maps.target)}")
    yield from answers
    if interrupt:
        raise interrupt


class _Occlusion:
    """The progress bar of an occlusion, shown while it runs."""

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
