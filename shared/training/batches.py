"""Make batches of examples: shuffled, and augmented on other threads while the network learns."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from shared.training.augmentation import Augmentation, augment, mixed
from shared.training.dataset import Example
from shared.types import Pixels

AHEAD = 2
"""Number of batches that are prepared in advance."""

Batch = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
"""Pixels 0 to 255, shape (n, size, size, 3), and one row of targets a picture, shape (n, labels), both float32."""


def training_batches(
    examples: Sequence[Example],
    labels: Sequence[str],
    *,
    size: int,
    batch_size: int,
    how: Augmentation,
    balanced: bool,
    seed: tuple[int, ...],
    steps: int | None = None,
) -> Iterator[Batch]:
    """Yield the batches of an epoch. They depend on the seed alone, not on the threads.

    Args:
        examples: at least one.
        labels: the order of the targets' columns.
        size: edge of the pictures in pixels.
        batch_size: pictures a batch; an incomplete last batch is left out.
        how: the ranges of augmentation.
        balanced: draw the labels equally often, for data in which some are rare.
        seed: for instance (seed of the run, epoch).
        steps: number of batches; beyond ``steps_an_epoch`` pictures repeat. None: each example once.
    """
    random = np.random.default_rng(seed)
    targets = targets_of(examples, labels)
    rounds = 1 if steps is None else -(-steps * batch_size // len(examples))
    order = np.concatenate([_order(targets, balanced, random) for _ in range(rounds)])
    steps = steps or steps_an_epoch(len(examples), batch_size)
    one_hot = np.eye(len(labels), dtype=np.float32)[targets]
    with ThreadPoolExecutor(thread_name_prefix="augment") as threads:
        waiting: deque[tuple[npt.NDArray[np.int64], list[Future[Pixels]]]] = deque()
        for step in range(steps):
            indices = order[step * batch_size : (step + 1) * batch_size]
            seeds = np.random.SeedSequence((*seed, step)).spawn(len(indices))
            waiting.append(
                (
                    indices,
                    [
                        threads.submit(augment, examples[index].pixels, size, how, np.random.default_rng(own))
                        for index, own in zip(indices, seeds, strict=True)
                    ],
                )
            )
            if len(waiting) > AHEAD:
                yield _batch(*waiting.popleft(), one_hot, how, random)
        while waiting:
            yield _batch(*waiting.popleft(), one_hot, how, random)


def steps_an_epoch(examples: int, batch_size: int) -> int:
    """Return the number of batches of an epoch: complete ones, or a single smaller one."""
    return max(1, examples // batch_size)


def targets_of(examples: Sequence[Example], labels: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the index of each example's label, shape (n,)."""
    column = {label: index for index, label in enumerate(labels)}
    return np.array([column[example.label] for example in examples], np.int64)


def _order(targets: npt.NDArray[np.int64], balanced: bool, random: np.random.Generator) -> npt.NDArray[np.int64]:
    if not balanced:
        return random.permutation(len(targets))
    present = np.unique(targets)
    drawn = [
        random.permutation(
            np.resize(random.permutation(np.flatnonzero(targets == label)), -(-len(targets) // len(present)))
        )
        for label in present
    ]
    return random.permutation(np.concatenate(drawn))[: len(targets)]


def _batch(
    indices: npt.NDArray[np.int64],
    pictures: list[Future[Pixels]],
    one_hot: npt.NDArray[np.float32],
    how: Augmentation,
    random: np.random.Generator,
) -> Batch:
    pixels = np.stack([picture.result() for picture in pictures]).astype(np.float32)
    return mixed(pixels, one_hot[indices], how.mixup, random)
