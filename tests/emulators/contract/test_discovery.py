"""The comparison with Google's discovery documents fails where it should."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest

from tests.emulators.contract.bench import faults_in_pins
from tests.emulators.contract.discovery import Discovery, discovery_of, document_of, methods_of
from tests.emulators.contract.wire import Exchange

STORAGE, BIGQUERY = discovery_of("storage", "v1"), discovery_of("bigquery", "v2")
UPLOAD = "/upload/storage/v1/b/photos/o"
QUERIES = "/bigquery/v2/projects/p/queries"
INSERT_ALL = "/bigquery/v2/projects/p/datasets/d/tables/t/insertAll"
JSON = {"content-type": "application/json"}
RELATED = {"content-type": "multipart/related; boundary=cut"}
OBJECT = {"kind": "storage#object", "name": "a.jpg", "size": "3", "timeCreated": "2026-01-02T03:04:05.678Z"}


def sent(method: str, target: str, body: object = None) -> Exchange:
    return Exchange(method, target, JSON, b"" if body is None else json.dumps(body).encode())


def answered(target: str, answer: object, status: int = 200) -> Exchange:
    return Exchange("GET", target, status=status, answer=json.dumps(answer).encode())


def related(*parts: tuple[str, bytes]) -> Exchange:
    body = b"".join(b"--cut\r\nContent-Type: %s\r\n\r\n%s\r\n" % (kind.encode(), content) for kind, content in parts)
    return Exchange("POST", f"{UPLOAD}?uploadType=multipart", RELATED, body + b"--cut--\r\n")


def batch(*requests: str) -> Exchange:
    parts = "".join(f"--cut\r\nContent-Type: application/http\r\n\r\n{request}\r\n\r\n\r\n" for request in requests)
    headers = {"content-type": "multipart/mixed; boundary=cut"}
    return Exchange("POST", "/batch/storage/v1", headers, (parts + "--cut--\r\n").encode())


@pytest.mark.parametrize(
    ("document", "exchange", "calls"),
    [
        (STORAGE, sent("GET", "/storage/v1/b/photos/o/a%2Fb.jpg?alt=json&generation=7"), ["objects.get"]),
        (STORAGE, sent("GET", "/download/storage/v1/b/photos/o/a%2Fb.jpg?alt=media"), ["objects.get"]),
        (
            STORAGE,
            sent("POST", f"{UPLOAD}?uploadType=resumable&ifGenerationMatch=0", {"name": "ü"}),
            ["objects.insert"],
        ),
        (STORAGE, sent("POST", f"{UPLOAD}?uploadType=media&name=a"), ["objects.insert"]),
        (
            STORAGE,
            related(("application/json", b'{"name": "a"}'), ("image/jpeg", b"\xff\xd8\r\n\r\n")),
            ["objects.insert"],
        ),
        (STORAGE, sent("POST", "/storage/v1/b/a/o/b%2Fc/rewriteTo/b/d/o/e?rewriteToken=x", {}), ["objects.rewrite"]),
        (
            STORAGE,
            batch("GET /storage/v1/b/a HTTP/1.1", "DELETE https://storage.googleapis.com/storage/v1/b/a/o/b HTTP/1.1"),
            ["buckets.get", "objects.delete"],
        ),
        (BIGQUERY, sent("POST", QUERIES, {"query": "SELECT 1", "useLegacySql": False}), ["jobs.query"]),
        (
            BIGQUERY,
            sent("GET", f"{QUERIES}/j?maxResults=0&formatOptions.useInt64Timestamp=True"),
            ["jobs.getQueryResults"],
        ),
        (BIGQUERY, sent("GET", "/bigquery/v2/projects/p/jobs?stateFilter=done&stateFilter=running"), ["jobs.list"]),
        (
            BIGQUERY,
            sent("POST", INSERT_ALL, {"rows": [{"insertId": "1", "json": {"a": [1, None]}}]}),
            ["tabledata.insertAll"],
        ),
    ],
)
def test_documented_request_has_no_faults(document: Discovery, exchange: Exchange, calls: list[str]) -> None:
    verdict = document.judge(exchange)
    assert verdict.faults == []
    assert [call.id.partition(".")[2] for call in verdict.calls] == calls


@pytest.mark.parametrize(
    ("document", "exchange", "fault"),
    [
        (STORAGE, sent("GET", "/storage/v1/b/photos/o/a/b.jpg"), "not a method of storage:v1"),
        (STORAGE, sent("GET", "/storage/v2/b/photos"), "not a method"),
        (STORAGE, sent("GET", "/bigquery/v2/projects"), "not a method"),
        (STORAGE, sent("PUT", "/storage/v1/b"), "not a method"),
        (STORAGE, sent("PUT", f"{UPLOAD}?uploadType=resumable&upload_id=never-begun"), "not a method"),
        (STORAGE, sent("GET", "/storage/v1/b/a/o/%FF"), "invalid start byte"),
        (STORAGE, sent("GET", "/storage/v1/b/a/o/b?generations=7"), "objects.get has no parameter generations"),
        (STORAGE, sent("GET", "/storage/v1/b/a/o/b?generation=seven"), "'seven', expected string of the format int64"),
        (STORAGE, sent("GET", f"/storage/v1/b/a/o/b?generation={1 << 63}"), "expected string of the format int64"),
        (STORAGE, sent("GET", "/storage/v1/b/a/o?maxResults=many"), "expected integer of the format uint32"),
        (STORAGE, sent("GET", "/storage/v1/b/a/o?versions=1"), "expected true or false"),
        (STORAGE, sent("GET", "/storage/v1/b/a/o?projection=all"), "expected one of full, noAcl"),
        (STORAGE, sent("GET", "/storage/v1/b/a?prefix=x"), "buckets.get has no parameter prefix"),
        (STORAGE, sent("GET", "/storage/v1/b/a/o/b?generation=1&generation=2"), "given 2 times"),
        (STORAGE, sent("GET", "/storage/v1/b"), "?project is missing; storage.buckets.list requires it"),
        (STORAGE, sent("GET", "/storage/v1/b/a?alt=media"), "gives no media"),
        (STORAGE, sent("GET", "/download/storage/v1/b/a/o/b"), "asks for alt=media"),
        (STORAGE, sent("GET", "/storage/v1/b/a", {"name": "a"}), "takes no body"),
        (STORAGE, sent("POST", "/storage/v1/b?project=p", {"location": "EU"}), "body.name is missing"),
        (STORAGE, sent("POST", f"{UPLOAD}?uploadType=fast", {}), "expected one of media, multipart, resumable"),
        (STORAGE, related(("application/json", b'{"nam": "a"}'), ("image/jpeg", b"x")), "body.nam is unknown"),
        (STORAGE, related(("application/json", b"{}")), "1 parts, expected JSON and the file"),
        (STORAGE, Exchange("POST", f"{UPLOAD}?uploadType=multipart", JSON, b"{}"), "expected parts"),
        (STORAGE, batch("GET /storage/v1/b/a HTTP/1.1", "GET /storage/v1/c HTTP/1.1"), "not a method"),
        (STORAGE, batch("GET /storage/v1/b/a?x=1 HTTP/1.1"), "has no parameter x"),
        (
            BIGQUERY,
            sent("POST", QUERIES, {"sql": "SELECT 1"}),
            "body.sql is unknown; QueryRequest has no such property",
        ),
        (BIGQUERY, sent("POST", QUERIES, {"query": 1}), "body.query is 1, expected string"),
        (BIGQUERY, sent("POST", QUERIES, {"useLegacySql": "false"}), "body.useLegacySql is 'false', expected boolean"),
        (BIGQUERY, sent("POST", QUERIES, {"timeoutMs": "5"}), "expected integer of the format uint32"),
        (BIGQUERY, sent("POST", QUERIES, {"timeoutMs": -5}), "expected integer of the format uint32"),
        (BIGQUERY, sent("POST", QUERIES, {"timeoutMs": True}), "expected integer of the format uint32"),
        (
            BIGQUERY,
            sent("POST", QUERIES, {"maximumBytesBilled": 5}),
            "body.maximumBytesBilled is 5, expected string of",
        ),
        (BIGQUERY, sent("POST", QUERIES, {"queryParameters": {}}), "expected array"),
        (BIGQUERY, sent("POST", QUERIES, {"defaultDataset": "d"}), "expected object"),
        (
            BIGQUERY,
            sent("POST", QUERIES, {"defaultDataset": {"dataset": "d"}}),
            "body.defaultDataset.dataset is unknown",
        ),
        (
            BIGQUERY,
            sent("POST", QUERIES, {"jobCreationMode": "NEVER"}),
            "expected one of JOB_CREATION_MODE_UNSPECIFIED",
        ),
        (BIGQUERY, sent("POST", INSERT_ALL, {"rows": [{"json": {}}, {"insert_id": "1"}]}), "body.rows[1].insert_id"),
        (BIGQUERY, sent("POST", QUERIES, [1]), "body is [1], expected object"),
        (BIGQUERY, Exchange("POST", QUERIES, JSON, b"{'query': 1}"), "is not JSON"),
        (BIGQUERY, Exchange("POST", QUERIES, JSON, b'{"timeoutMs": NaN}'), "NaN is not JSON"),
        (BIGQUERY, Exchange("POST", QUERIES, {"content-type": "text/plain"}, b"{}"), "Content-Type is 'text/plain'"),
    ],
)
def test_undocumented_request_has_its_fault(document: Discovery, exchange: Exchange, fault: str) -> None:
    [faults] = document.judge(exchange).faults
    assert fault in faults


@pytest.mark.parametrize(
    ("exchange", "fault"),
    [
        (answered("/storage/v1/b/a/o/b", OBJECT | {"colour": "red"}), "answer.colour is unknown"),
        (
            answered("/storage/v1/b/a/o/b", OBJECT | {"size": 3}),
            "answer.size is 3, expected string of the format uint64",
        ),
        (answered("/storage/v1/b/a/o/b", OBJECT | {"kind": "storage#bucket"}), "expected 'storage#object'"),
        (answered("/storage/v1/b/a/o/b", OBJECT | {"timeCreated": "today"}), "expected string of the format date-time"),
        (answered("/storage/v1/b/a/o", {"items": [OBJECT | {"name": None}]}), "answer.items[0].name is None"),
        (answered("/storage/v1/b/a/o/b", {"message": "no"}, 404), "error answer.message is unknown"),
        (answered("/storage/v1/b/a/o/b", {"error": {"code": "404"}}, 404), "error answer.error.code is '404'"),
        (Exchange("GET", "/storage/v1/b/a/o/b", status=502, answer=b"<html>"), "is not JSON"),
        (Exchange("DELETE", "/storage/v1/b/a/o/b", status=200, answer=b"{}"), "answers without a body"),
        (Exchange("POST", f"{UPLOAD}?uploadType=resumable", status=200), "expected a URL with an upload_id"),
    ],
)
def test_undocumented_answer_has_its_fault(exchange: Exchange, fault: str) -> None:
    verdict = STORAGE.judge(exchange)
    assert verdict.in_request == []
    [faults] = verdict.in_answer
    assert fault in faults


def test_documented_answer_has_no_faults() -> None:
    for exchange in (
        answered("/storage/v1/b/a/o/b", OBJECT),
        answered("/storage/v1/b/a/o/b", {"error": {"code": 404, "message": "no", "errors": [{"reason": "x"}]}}, 404),
        Exchange("GET", "/download/storage/v1/b/a/o/b?alt=media", status=200, answer=b"\xff\xd8"),
        Exchange("DELETE", "/storage/v1/b/a/o/b", status=204),
    ):
        assert STORAGE.judge(exchange).faults == []


def test_upload_continues_at_the_url_of_its_first_answer() -> None:
    document = discovery_of("storage", "v1")
    there = f"{UPLOAD}?uploadType=resumable&upload_id=x"
    location = {"location": f"http://127.0.0.1:1{there}"}
    begun = Exchange("POST", f"{UPLOAD}?uploadType=resumable", JSON, b"{}", 200, location)
    assert document.judge(begun).faults == []
    assert document.judge(Exchange("PUT", there, body=b"half", status=308)).faults == []
    assert (
        document.judge(Exchange("PUT", there, body=b"of it", status=200, answer=json.dumps(OBJECT).encode())).faults
        == []
    )
    assert document.judge(Exchange("PUT", there, status=200, answer=b'{"nam": 1}')).in_answer
    assert document.judge(Exchange("PATCH", there, status=308)).in_request


@pytest.mark.parametrize(
    ("method", "target", "missing"),
    [
        ("POST", f"{UPLOAD}?uploadType=media&name=a", "ifGenerationMatch"),
        ("POST", "/storage/v1/b/a/o/b/rewriteTo/b/c/o/d?ifGenerationMatch=0", "sourceGeneration"),
        ("POST", "/storage/v1/b/a/o/b/rewriteTo/b/c/o/d?sourceGeneration=7", "ifGenerationMatch"),
        ("DELETE", "/storage/v1/b/a/o/b", "generation"),
        ("GET", "/download/storage/v1/b/a/o/b?alt=media", "generation"),
        ("POST", "/storage/v1/b/a/o/b/compose", "not in PINS"),
    ],
)
def test_request_without_a_generation_is_reported(method: str, target: str, missing: str) -> None:
    verdict = STORAGE.judge(Exchange(method, target))
    assert verdict.faults == []
    [fault] = faults_in_pins([verdict])
    assert re.search(missing, fault)


@pytest.mark.parametrize("document", [document_of("storage", "v1"), document_of("bigquery", "v2")])
def test_method_of_a_document_is_found_by_its_path(document: dict[str, Any]) -> None:
    service = Discovery(document)
    for method in methods_of(document):
        path = re.sub(r"{\+?(\w+)}", partial(a_value, method), method["path"])
        assert service.call(method["httpMethod"], f"/{document['servicePath']}{path}").id == method["id"]


def a_value(method: Mapping[str, Any], name: re.Match[str]) -> str:
    pattern: str = method["parameters"][name[1]].get("pattern", "[^/]+")
    return pattern.strip("^$").replace("[^/]+", "x")
