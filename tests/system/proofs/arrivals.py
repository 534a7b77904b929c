"""Pictures that arrive at times of the past: each goes through the pipeline, and its row is of that time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.images.decode import Limits
from shared.images.memory_budget import MemoryBudgets
from shared.inference.classifier import Classifier
from shared.inference.registry import ModelRegistry
from shared.pipeline.ids import ImageIds
from shared.pipeline.pipeline import Pipeline
from shared.pipeline.rate_limit import RateLimit
from shared.pipeline.received_image import ReceivedImage
from shared.ports import Warehouse
from shared.types import Call, ImageFacts, Source
from tests.memory.empty import EmptyStore


@dataclass(frozen=True, slots=True)
class Picture:
    """A file that arrives."""

    content: bytes
    label: str
    """The true one."""


class Arrivals:
    """A pipeline that keeps no file, for which no time passes.

    Args:
        classifier: of the only model.
        warehouse: gets the rows.
    """

    def __init__(self, classifier: Classifier, warehouse: Warehouse) -> None:
        self._pipeline = Pipeline(
            models=ModelRegistry.of([classifier]),
            store=EmptyStore(),
            warehouse=warehouse,
            archive_bucket="archive",
            quarantine_bucket="quarantine",
            limits=Limits(),
            memory=MemoryBudgets.of_instance(512),
            rate=RateLimit(1_000_000),
        )
        self._count = 0

    def arrive(self, pictures: Sequence[Picture], morning: datetime) -> list[bool]:
        """Classify pictures that arrive at equal distances in a day, and record their rows.

        Args:
            pictures: of the day.
            morning: the day's begin; aware.

        Returns:
            Whether the label of each is the true one.
        """
        right = []
        for index, picture in enumerate(pictures):
            at = morning + timedelta(days=1) * (index / len(pictures))
            self._count += 1
            ids = ImageIds.of_request(str(self._count), "replay", 0, "", at)
            facts = ImageFacts(len(picture.content), None)
            prediction = self._pipeline.classify_image(
                ReceivedImage(picture.content, facts, ids, Call(Source.REQUEST, at))
            )
            right.append(prediction.classification.label == picture.label)
        return right
