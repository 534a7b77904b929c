"""Charts of learning curves, confusion matrices, reliability diagrams, and comparisons of bundles."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from shared.training.calibration import Bin
from shared.training.state import Epoch, chosen_epoch

DPI = 110
INK, ACCENT = "#4b5563", "#1a73e8"


def draw_learning_curve(history: Sequence[Epoch], path: Path) -> None:
    """Draw loss and accuracy by epoch, the chosen epoch marked, as a PNG file."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    losses, accuracies = figure.subplots(1, 2)
    epochs = [epoch.number for epoch in history]
    losses.plot(epochs, [epoch.loss for epoch in history], color=INK, label="training (smoothed labels)")
    losses.plot(epochs, [epoch.validation_loss for epoch in history], color=ACCENT, label="validation (calibrated)")
    accuracies.plot(epochs, [epoch.accuracy for epoch in history], color=INK, label="training (augmented)")
    accuracies.plot(epochs, [epoch.validation_accuracy for epoch in history], color=ACCENT, label="validation")
    chosen = chosen_epoch(history).number
    for axes, title in ((losses, "loss, nats"), (accuracies, "accuracy")):
        axes.axvline(chosen, color=INK, linewidth=0.8, linestyle=":", label=f"chosen: epoch {chosen}")
        axes.set(title=title, xlabel="epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
    _save(figure, path)


def draw_confusion(confusion: Sequence[Sequence[int]], labels: Sequence[str], title: str, path: Path) -> None:
    """Draw a confusion matrix with its counts, shaded by the share of each row, as a PNG file.

    Args:
        confusion: rows are the true labels, columns the predicted ones.
        labels: of both, in order.
        title: one line above the matrix.
        path: the file to write.
    """
    counts = np.asarray(confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 2.6 + 0.7 * len(labels)
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(counts.shape):
        colour = "white" if shares[row, column] > 0.5 else INK
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=colour)
    axes.set_xticks(range(len(labels)), labels, rotation=30, ha="right")
    axes.set_yticks(range(len(labels)), labels)
    axes.set(title=title, xlabel="predicted", ylabel="true")
    axes.spines[:].set_visible(False)
    _save(figure, path)


def draw_reliability(bins: Sequence[Bin], title: str, path: Path) -> None:
    """Draw accuracy against score, the size of a dot by its number of pictures, as a PNG file."""
    figure = Figure(figsize=(4.4, 4.4), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=":", label="scores that mean what they say")
    images = np.array([bucket.images for bucket in bins])
    scores, right = [bucket.score for bucket in bins], [bucket.right for bucket in bins]
    axes.plot(scores, right, color=ACCENT, linewidth=1)
    axes.scatter(scores, right, s=12 + 240 * images / images.sum(), color=ACCENT, label=f"{images.sum()} pictures")
    axes.set(title=title, xlabel="score", ylabel="share that is right", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    _save(figure, path)


def draw_pareto(points: Sequence[tuple[str, float, float, float, bool]], title: str, path: Path) -> None:
    """Draw accuracy against milliseconds, the Pareto set in colour, as a PNG file.

    Args:
        points: name, milliseconds, accuracy (0 to 1), megabytes (the area of the dot), whether in the Pareto set.
        title: one line above.
        path: the file to write.
    """
    figure = Figure(figsize=(6.4, 4), layout="constrained")
    axes = figure.subplots()
    for name, milliseconds, accuracy, megabytes, is_best in points:
        colour = ACCENT if is_best else INK
        axes.scatter(milliseconds, 100 * accuracy, s=20 * megabytes, color=colour, alpha=0.7)
        axes.annotate(
            f"{name}, {megabytes:.1f} MB", (milliseconds, 100 * accuracy), xytext=(8, 8), textcoords="offset points"
        )
    axes.set(title=title, xlabel="milliseconds an image, one thread", ylabel="accuracy, %")
    axes.margins(0.25)
    axes.spines[["top", "right"]].set_visible(False)
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    FigureCanvasAgg(figure)
    figure.savefig(path, dpi=DPI)
