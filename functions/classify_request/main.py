"""Classify the images of HTTPS requests, in the protocol of the client."""

from __future__ import annotations

import functions_framework
from flask import Request, Response, current_app

from shared.http.app import set_up_app
from shared.http.page.page import add_page
from shared.http.router import Router
from shared.service import Service

service = Service.from_environment()
router = Router(service)
router.shape_errors_of(current_app)
set_up_app(current_app, service)
add_page(current_app, service)


@functions_framework.http
def classify_request(request: Request) -> Response:
    """Answer ``POST /v1/classify``, and the routes of every protocol; ``GET /docs`` shows them."""
    return router.answer(request)
