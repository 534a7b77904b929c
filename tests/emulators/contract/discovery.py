"""Compares what went over the wire with Google's discovery documents, which google-api-python-client ships.

Format of the documents: https://developers.google.com/discovery/v1/reference/apis
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from googleapiclient.discovery_cache import get_static_doc

from tests.emulators.contract.bodies import Undocumented, json_in, metadata_of_upload, requests_of_batch
from tests.emulators.contract.values import faults_in_json, faults_in_text
from tests.emulators.contract.wire import Exchange

UPLOAD_TYPES = ("media", "multipart", "resumable")
RESUME_INCOMPLETE = 308
_ERROR_PROPERTIES = {
    "code": {"type": "integer"},
    "message": {"type": "string"},
    "status": {"type": "string"},
    "details": {"type": "array", "items": {"type": "object", "additionalProperties": {"type": "any"}}},
    "errors": {"type": "array", "items": {"type": "object", "additionalProperties": {"type": "string"}}},
}
ERROR = {"type": "object", "properties": {"error": {"type": "object", "properties": _ERROR_PROPERTIES}}}
"""Of an error answer; the documents leave it out. https://cloud.google.com/storage/docs/json_api/v1/status-codes"""


ACCEPTED = {("bigquery.jobs.get", "projection")}
"""Parameters that the documents do not have, which google-cloud-bigquery sends to BigQuery with every such request."""


@dataclass(frozen=True, slots=True)
class Call:
    """A method of the API, called."""

    method: Mapping[str, Any]
    """As the document has it."""
    names: Mapping[str, str]
    """The parameters in the path, percent-decoded."""
    query: tuple[tuple[str, str], ...] = ()
    where: str = "api"
    """``api``, ``upload`` or ``download``: the three trees of paths."""

    @property
    def id(self) -> str:
        """Such as ``storage.objects.insert``."""
        return str(self.method["id"])

    @property
    def parameters(self) -> dict[str, str]:
        """The query by name."""
        return dict(self.query)


@dataclass(slots=True)
class Verdict:
    """What an exchange is for, and what in it is not as documented."""

    calls: list[Call] = field(default_factory=list)
    """One; several in a batch, whose answers are not looked at; none in a later request of a resumable upload."""
    in_request: list[str] = field(default_factory=list)
    """What is wrong with the request."""
    in_answer: list[str] = field(default_factory=list)
    """What is wrong with the answer."""

    @property
    def faults(self) -> list[str]:
        """All that is wrong."""
        return self.in_request + self.in_answer


class Discovery:
    """An API as Google describes it, and the resumable uploads that were begun in it.

    Args:
        document: in the discovery format.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._schemas: Mapping[str, Any] = document["schemas"]
        self._routes = [route for method in methods_of(document) for route in self._routes_to(method)]
        self._uploads: dict[str, Call] = {}

    @property
    def origin(self) -> str:
        """Where Google serves it, without a slash at the end."""
        return str(self._document["rootUrl"]).rstrip("/")

    def judge(self, exchange: Exchange) -> Verdict:
        """Compare an exchange with the document.

        Exchanges must come in order, since an upload's later requests go to the URL of the first answer.
        """
        verdict = Verdict()
        self._add(verdict.in_request, exchange, self._faults_in_request(exchange, verdict.calls))
        answered = [self._uploads[exchange.target]] if exchange.target in self._uploads else verdict.calls
        if answered and not self._is_batch(exchange):
            self._add(verdict.in_answer, exchange, self._faults_in_answer(answered[0], exchange))
        return verdict

    def call(self, verb: str, target: str) -> Call:
        """Return the method that a request is for.

        Raises:
            Undocumented: there is none.
        """
        url = urlsplit(target)
        for route, pattern, method, where in self._routes:
            if route == verb and (match := pattern.fullmatch(url.path)):
                names = {name: unquote(value, errors="strict") for name, value in match.groupdict().items()}
                query = parse_qsl(url.query, keep_blank_values=True, errors="strict")
                return Call(method, names, tuple(query), where)
        raise Undocumented(f"this is not a method of {self._document['id']}")

    def _add(self, faults: list[str], exchange: Exchange, new: Iterator[str]) -> None:
        what = f"{exchange.method} {exchange.target}"
        try:
            faults.extend(f"{what}: {fault}" for fault in new)
        except (Undocumented, UnicodeDecodeError) as error:
            faults.append(f"{what}: {error}")

    def _faults_in_request(self, exchange: Exchange, calls: list[Call]) -> Iterator[str]:
        if self._is_batch(exchange):
            for request in requests_of_batch(exchange):
                yield from self._faults_in_request(request, calls)
        elif exchange.target in self._uploads:
            if exchange.method != "PUT":
                yield "an upload is continued with PUT alone"
        else:
            call = self.call(exchange.method, exchange.target)
            calls.append(call)
            yield from self._faults_in_parameters(call)
            yield from self._faults_in_body(call, exchange)

    def _faults_in_parameters(self, call: Call) -> Iterator[str]:
        own: Mapping[str, Any] = call.method.get("parameters", {})
        known = {name: one for name, one in own.items() if one["location"] == "query"} | self._document["parameters"]
        for name, text in call.names.items():
            yield from faults_in_text(f"{name} in the path", text, own[name])
        for name, text in call.query:
            if name in known:
                yield from faults_in_text(f"?{name}", text, known[name])
            elif (call.id, name) not in ACCEPTED:
                yield f"{call.id} has no parameter {name}"
        given = [name for name, _ in call.query]
        for name in sorted(set(given)):
            if given.count(name) > 1 and not known.get(name, {}).get("repeated"):
                yield f"?{name} is given {given.count(name)} times, expected once"
        for name, one in known.items():
            if one.get("required") and name not in given:
                yield f"?{name} is missing; {call.id} requires it"
        is_media = call.parameters.get("alt") == "media"
        if is_media and not call.method.get("supportsMediaDownload"):
            yield f"{call.id} gives no media"
        if call.where == "download" and not is_media:
            yield "a download asks for alt=media"

    def _faults_in_body(self, call: Call, exchange: Exchange) -> Iterator[str]:
        described, body, kind = call.method.get("request"), exchange.body, exchange.headers.get("content-type", "")
        if call.where == "upload":
            protocol = call.parameters.get("uploadType")
            if protocol not in UPLOAD_TYPES:
                yield f"?uploadType is {protocol!r}, expected one of {', '.join(UPLOAD_TYPES)}"
            if protocol == "media":
                return
            if protocol == "multipart":
                body, kind = metadata_of_upload(exchange), "application/json"
        if not described:
            if body:
                yield f"{call.id} takes no body, and has one of {len(body)} bytes"
        elif body:
            if not kind.startswith("application/json"):
                yield f"the body's Content-Type is {kind!r}, expected application/json"
            yield from faults_in_json("body", json_in(body), described, self._schemas, call.id)

    def _faults_in_answer(self, call: Call, exchange: Exchange) -> Iterator[str]:
        status, content, described = exchange.status, exchange.answer, call.method.get("response")
        if status >= 400:
            yield from faults_in_json("error answer", json_in(content), ERROR, {})
        elif not status or status == RESUME_INCOMPLETE or call.parameters.get("alt") == "media":
            return
        elif call.parameters.get("uploadType") == "resumable" and exchange.target not in self._uploads:
            where = urlsplit(exchange.answer_headers.get("location", ""))
            self._uploads[where._replace(scheme="", netloc="").geturl()] = call
            if "upload_id=" not in where.query:
                yield f"the answer's Location is {where.geturl()!r}, expected a URL with an upload_id"
        elif described:
            yield from faults_in_json("answer", json_in(content), described, self._schemas)
        elif content:
            yield f"{call.id} answers without a body, and here it has one of {len(content)} bytes"

    def _is_batch(self, exchange: Exchange) -> bool:
        return exchange.method == "POST" and urlsplit(exchange.target).path == f"/{self._document['batchPath']}"

    def _routes_to(self, method: Mapping[str, Any]) -> Iterator[tuple[str, re.Pattern[str], Mapping[str, Any], str]]:
        verb, path = method["httpMethod"], f"/{self._document['servicePath']}{method['path']}"
        yield verb, _pattern(path, method), method, "api"
        if method.get("useMediaDownloadService"):
            yield verb, _pattern(f"/download{path}", method), method, "download"
        for protocol in method.get("mediaUpload", {}).get("protocols", {}).values():
            yield verb, _pattern(protocol["path"], method), method, "upload"


def discovery_of(name: str, version: str) -> Discovery:
    """Return an API by its name and version, such as ``storage`` and ``v1``."""
    return Discovery(document_of(name, version))


def document_of(name: str, version: str) -> dict[str, Any]:
    """Return the discovery document itself."""
    document: dict[str, Any] = json.loads(get_static_doc(name, version))
    return document


def methods_of(resource: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the methods of a resource and of those inside it, as the document has them."""
    yield from resource.get("methods", {}).values()
    for inner in resource.get("resources", {}).values():
        yield from methods_of(inner)


def _pattern(path: str, method: Mapping[str, Any]) -> re.Pattern[str]:
    """Return what a path looks like on the wire, where a slash inside a name is percent-encoded."""
    pieces = []
    for piece in re.split(r"({\+?\w+})", path):
        name = piece.strip("{+}")
        shape = method.get("parameters", {}).get(name, {}).get("pattern", "[^/]+").strip("^$")
        pieces.append(f"(?P<{name}>{shape})" if piece.startswith("{") else re.escape(piece))
    return re.compile("".join(pieces))
