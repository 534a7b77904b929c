"""One request while a dialect answers it: its body within limits, and the one call that all dialects make."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from flask import Request

from shared.bundles.bundle import Bundle
from shared.errors import BadRequest, BucketlensError, UnknownModel
from shared.http import request_body
from shared.http.inputs import Given, Intake
from shared.http.metrics import Tally
from shared.http.protocols.batch import error_of_one
from shared.http.request_options import idempotency_key, wants_record
from shared.http.reservation import Reservation
from shared.http.responses import log_refusal
from shared.http.route import Dialect, Route
from shared.images.memory_budget import COPIES_OF_A_FILE
from shared.inference.classifier import Classifier
from shared.logs import log_outcome
from shared.pipeline.pipeline import Pipeline
from shared.service import Service
from shared.types import Call, Prediction, Source, Times

COPIES_OF_BASE64 = 2.5
"""The text of a body, and of an image in it the bytes and once more what is sent to the archive: 1 + 0.75 + 0.75."""

Answered = Prediction | BucketlensError
"""What becomes of one image."""


@dataclass
class Exchange:
    """One request. Memory that it takes is held until ``room`` is closed."""

    request: Request
    service: Service
    dialect: Dialect
    tally: Tally
    routes: Sequence[tuple[Dialect, Route]]
    """Every route of the process."""
    room: ExitStack
    began: float = field(default_factory=time.monotonic)
    _asked: tuple[str | None, str | None] = (None, None)
    """A model and its version, as the caller named them."""

    @cached_property
    def pipeline(self) -> Pipeline:
        """The pipeline; the first request of a process builds it."""
        return self.service.pipeline()

    @cached_property
    def call(self) -> Call:
        """How this request reached us."""
        return self.service.call(Source.REQUEST, self.request.headers)

    @cached_property
    def classifier(self) -> Classifier:
        """The model that is asked, the same to the end of the request, whatever is loaded meanwhile."""
        return self.pipeline.classifiers.find(*self._asked)

    @property
    def bundle(self) -> Bundle:
        """Of the model that is asked."""
        return self.classifier.bundle if self.service.is_ready else self.service.bundles.find(*self._asked)

    @property
    def models(self) -> tuple[str, ...]:
        """The names of all models that are served, the default first."""
        return self.service.bundles.names

    @property
    def labels(self) -> tuple[str, ...]:
        """The model's labels, in the order of its outputs."""
        return self.bundle.manifest.labels

    def choose_model(self, name: str, version: str | None = None) -> None:
        """Ask another model than the default, or another version of it than the stable one.

        Args:
            name: of the model; ``name@version`` also names the version.
            version: of the model, or the label ``stable`` or ``canary``.

        Raises:
            UnknownModel: it is not served.
        """
        served = self.service.bundles
        try:
            served.find(name, version)
        except UnknownModel as error:
            asked = repr(name[:200]) if version is None else f"{name[:200]!r}, version {version[:40]!r},"
            known = ", ".join(f"{one} (version {', '.join(served.versions(one))})" for one in served.names)
            raise UnknownModel(f"The model {asked} is not served here. These are: {known}.") from error
        self._asked = name, version
        self.__dict__.pop("classifier", None)

    def body(self) -> bytes:
        """Return the body, and hold room for a file of its size.

        Raises:
            Busy: there is no room for it; it was not read.
            BadRequest: it came too slowly.
        """
        self.hold(COPIES_OF_A_FILE * self.stated_length)
        return request_body.read_all(self.request, self.seconds_left)

    def document(self) -> dict[str, Any]:
        """Return the body's JSON object, and hold room for its text, its values and an image in it.

        Raises:
            Busy: there is no room for it.
            BadRequest: it is no JSON object, or would take more memory than there is for all.
        """
        return self.parse(self.content())

    def content(self) -> bytes:
        """Return the body, and hold room for an image in it, whether as it is or in base64.

        Raises:
            Busy: there is no room for it.
        """
        if (length := self.stated_length) > request_body.SMALL_BYTES:
            self.hold(math.ceil(COPIES_OF_BASE64 * length))
        return request_body.read_all(self.request, self.seconds_left)

    def parse(self, content: bytes) -> dict[str, Any]:
        """Return a JSON object that is already here, and hold room for its values. Raises as ``document``."""
        cost = request_body.cost_of_parsing(content)
        if cost > self.pipeline.memory.files.capacity_bytes:
            raise BadRequest(
                f"The JSON has so many values that they would take {cost:,} bytes of memory; send images as base64, "
                "or as binary tensors.",
                413,
                "too_much_memory",
            )
        if cost > request_body.SMALL_BYTES:
            self.hold(cost)
        return request_body.parsed(content)

    def hold(self, size_bytes: int) -> None:
        """Hold memory of the budget for files until the request is answered.

        Raises:
            Busy: there is no room.
            BadRequest: the request alone needs more than there is.
        """
        self.room.enter_context(self.memory.room_for(size_bytes))

    @cached_property
    def memory(self) -> Reservation:
        """What this request holds of the budget for files."""
        return Reservation(self.pipeline.memory.files)

    @property
    def stated_length(self) -> int:
        """The body's bytes, as the caller stated them.

        Raises:
            RequestEntityTooLarge: more than a request may have.
        """
        return request_body.stated_length(self.request)

    @property
    def seconds_left(self) -> float:
        """How long this request may still take."""
        return max(0.0, self.began + self.service.settings.max_request_s - time.monotonic())

    def classify(
        self,
        images: Sequence[Given],
        *,
        record: bool | None = None,
        key: str | None = None,
        more_buckets: tuple[str, ...] = (),
    ) -> Iterator[Answered]:
        """Classify a batch: for each image, in order, its prediction or why there is none.

        Args:
            images: the batch.
            record: whether rows are written; None asks ``?record=``.
            key: makes repeats the same predictions, where there is no ``Idempotency-Key``.
            more_buckets: that may be named beside READABLE_BUCKETS.

        Raises:
            BadRequest: no image, or too many.
        """
        self.check_number(len(images))
        settings = self.service.settings
        record = wants_record(self.request) if record is None else record
        intake = Intake(
            self.pipeline,
            self.call,
            idempotency_key(self.request) or key,
            (*settings.readable_buckets, *more_buckets),
            settings.max_image_bytes,
            self.memory.room_for,
        )
        return (self._one(intake, image, index, record=record) for index, image in enumerate(images))

    def check_number(self, images: int) -> None:
        """Refuse a request of no image, and one of too many.

        Raises:
            BadRequest: with status 413 for too many.
        """
        most = self.service.settings.max_images_per_request
        if not images:
            raise BadRequest("There is no image, expected one or more.")
        if images > most:
            text = f"There are {images:,} images, expected at most {most} in one request."
            raise BadRequest(text, 413, "too_many_images")

    def check_time(self, index: int) -> None:
        """Refuse to begin with another image than the first where there is no time left.

        Raises:
            BadRequest: with status 408.
        """
        if index and not self.seconds_left:
            limit_s = self.service.settings.max_request_s
            raise BadRequest(
                f"There was no time left after {limit_s} s and {index} of the images; send fewer at once.", 408
            )

    def predictions(self, images: Sequence[Given]) -> list[Prediction]:
        """Classify a batch for a protocol that has no place for the error of one image.

        Raises:
            BucketlensError: of the first image that has one; what came before it stays recorded.
        """
        found = []
        for index, answered in enumerate(self.classify(images)):
            if isinstance(answered, BucketlensError):
                raise error_of_one(answered, index, len(images))
            found.append(answered)
        return found

    def _one(self, intake: Intake, given: Given, index: int, *, record: bool) -> Answered:
        try:
            self.check_time(index)
            with intake.submission(given, index) as image:
                call = replace(self.call, times=Times())
                prediction = self.pipeline.answer(
                    image.content, image.facts, image.who, call, classifier=self.classifier, record=record
                )
        except BucketlensError as error:
            self.tally.count_refused(self.dialect.name, error)
            log_refusal(error)
            return error.with_traceback(None)  # whose frames hold the image
        self.tally.count_predicted(self.dialect.name, prediction)
        log_outcome(prediction)
        return prediction
