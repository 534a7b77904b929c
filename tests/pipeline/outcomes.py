"""A prediction and a failure with every field set."""

from __future__ import annotations

from datetime import UTC, datetime

from shared.types import (
    Call,
    Candidate,
    Classification,
    Failure,
    ImageFacts,
    ModelFacts,
    ObjectRef,
    Prediction,
    Source,
    Times,
)

REF = ObjectRef("my-uploads", "garden/rose ü.jpg", 1763712000123456)
TRACE = "projects/my-project/traces/" + "a" * 32
CALL = Call(
    Source.EVENT,
    datetime(2025, 11, 21, 8, tzinfo=UTC),
    event_id="8897446546443",
    trace=TRACE,
)
TIMES = Times(read_ms=1.26, total_ms=10.0)
IMAGE = ImageFacts(73012, "image/jpeg", "c" * 64, REF.bucket, REF.name, REF.generation, "jpeg", 640, 480)
ROSE = Classification("rose", 0.91239, (Candidate("rose", 0.91239), Candidate("tulip", 0.08761)), needs_review=False)
MODEL = ModelFacts("flowers", "1", "d" * 64, "litert")
PREDICTION = Prediction("p" * 64, "u" * 64, REF.created_at, ROSE, IMAGE, "gs://my-archive/cc/c.jpg", MODEL, CALL, TIMES)
FAILURE = Failure("u" * 64, REF.created_at, "not_an_image", "It is a list.", IMAGE, "gs://my-quarantine/u", CALL, TIMES)
