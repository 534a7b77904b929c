"""When somebody asks, answer in the protocol that they speak."""

from __future__ import annotations

import functions_framework
from flask import Request, Response, current_app

from shared.http.page.page import add_page
from shared.http.responses import add_routes
from shared.http.router import Desk
from shared.service import Service

service = Service.from_environment()
desk = Desk(service)
desk.shape_errors_of(current_app)
add_routes(current_app, service)
add_page(current_app, service)


@functions_framework.http
def classify_request(request: Request) -> Response:
    """``POST /v1/classify``, and the routes of every dialect: ``GET /docs`` shows them."""
    return desk.answer(request)
