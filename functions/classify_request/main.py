"""When somebody posts an image, answer with its label."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import functions_framework
from flask import Request, abort, current_app, jsonify
from flask.typing import ResponseReturnValue

from shared.answers import add_routes, error_answer, prediction_answer
from shared.errors import BucketlensError
from shared.logs import log_outcome
from shared.service import Service
from shared.submissions import Submission, is_multipart, submissions, wants_record
from shared.types import Call, Source, Times

service = Service.from_environment()
add_routes(current_app, service)


@functions_framework.http
def classify_request(request: Request) -> ResponseReturnValue:
    """``POST /v1/classify`` with a raw image, a form of files, or ``{"uri": "gs://…"}``."""
    if request.path != "/v1/classify":
        abort(404)
    if request.method != "POST":
        abort(405)
    record = wants_record(request)
    pipeline = service.pipeline()
    call = service.call(Source.REQUEST, request.headers)
    with closing(submissions(request, call, pipeline, service.settings)) as images:
        if is_multipart(request):
            return _answer_each(images, call, record=record)
        return jsonify(_answer(next(images), call, record=record))


def _answer_each(images: Iterator[Submission], call: Call, *, record: bool) -> ResponseReturnValue:
    """Answer in order; an image that cannot be classified has its error in its place and spoils no other."""
    answers: list[dict[str, Any]] = []
    statuses: list[int] = []
    for image in images:
        try:
            answers.append(_answer(image, replace(call, times=Times()), record=record))
            statuses.append(200)
        except BucketlensError as error:
            body, status, _ = error_answer(error)
            answers.append({**body, "image": {"name": image.facts.name}})
            statuses.append(status)
    return jsonify(predictions=answers), min(statuses)


def _answer(image: Submission, call: Call, *, record: bool) -> dict[str, Any]:
    prediction = service.pipeline().answer(image.content, image.facts, image.who, call, record=record)
    log_outcome(prediction)
    return prediction_answer(prediction, recorded=record)
