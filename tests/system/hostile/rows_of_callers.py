"""The table's rows about callers: pages of other sites, foreign host names, and labels of strangers."""

from __future__ import annotations

from tests.pictures import encoded, scene
from tests.system.hostile.endpoints import Request
from tests.system.hostile.row import Row

EVIL = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
OLDER = {"Origin": "https://evil.example"}
LABEL = f"/v1/predictions/{'ab' * 32}:label"
JSON = {"Content-Type": "application/json"}
CROSS, UNKNOWN = "403 cross_site", "403 unknown_host"


def picture() -> bytes:
    """Return a small picture."""
    return encoded(scene(), "PNG")


def label(body: bytes, **headers: str) -> Request:
    """Return a request that labels a prediction."""
    return Request(body, path=LABEL, headers=JSON | headers)


CALLERS = (
    Row("a picture, by a script of another site", lambda: Request(picture(), headers=EVIL), CROSS),
    Row("a picture, by a form in a browser that names no site", lambda: Request(picture(), headers=OLDER), CROSS),
    Row("a label as text, by a form of another site", lambda: Request(b'{"label": "daisy", "x": "="}', path=LABEL,
        headers={**EVIL, "Content-Type": "text/plain"}), CROSS),
    Row("a model is to be loaded, by a page of another site",
        lambda: Request(path="/v2/repository/models/flowers/load", headers=EVIL), "403"),
    Row("rows of BigQuery, by a page of another site",
        lambda: Request(b'{"calls": []}', path="/v1/bigquery:call", headers=EVIL), "403"),
    Row("a picture, by a page without an origin", lambda: Request(picture(), headers={"Origin": "null"}), CROSS),
    Row("a method that no route has, by a page of another site", lambda: Request(method="PUT", headers=EVIL), CROSS),
    Row("a picture, by a page whose own name leads here (DNS rebinding)", lambda: Request(picture(),
        headers={"Host": "evil.example", "Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"}), UNKNOWN),
    Row("the metrics, by a host name that is not allowed", lambda: Request(method="GET", path="/metrics",
        headers={"Host": "evil.example"}), UNKNOWN),
    Row("a label of another caller's prediction", lambda: label(b'{"label": "daisy"}'), "403 label_token"),
    Row("the same with a token that is made up",
        lambda: label(b'{"label": "daisy", "label_token": "' + b"0" * 32 + b'"}'), "403 label_token"),
    Row("the same with an unsigned identity token", lambda: label(b'{"label": "daisy"}',
        Authorization="Bearer e30.eyJlbWFpbCI6ImNlb0BleGFtcGxlLmNvbSJ9.x"), "403 label_token"),
    Row("a label that is declared as a form", lambda: Request(b'{"label": "daisy"}', path=LABEL,
        headers={"Content-Type": "application/x-www-form-urlencoded"}), "415 bad_request"),
)  # fmt: skip
