"""Every error of the clients of Cloud Storage and BigQuery becomes one of ``shared.errors``: whole families."""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
from http.server import ThreadingHTTPServer

import pytest
import urllib3.exceptions
from google.api_core import exceptions as api

from shared.adapters import bigquery, gcs, gcs_errors
from shared.errors import (
    AlreadyDone,
    BadRequest,
    BucketlensError,
    RowRefused,
    StorageRefused,
    StorageUnavailable,
    TooManyBytes,
    Transient,
    Unreadable,
    WarehouseUnavailable,
    WrongEncoding,
)
from tests.adapters.client_errors import instance_of, raised_by_clients
from tests.adapters.failing_server import FAILURE, LONG_S, REF, SHORT_S, STORAGE_CALLS, server

__all__ = ["server"]

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


OF_THE_SYSTEM = (
    ConnectionResetError(errno.ECONNRESET, "reset"),
    ConnectionRefusedError(errno.ECONNREFUSED, "refused"),
    BrokenPipeError(errno.EPIPE, "pipe"),
    TimeoutError("timed out"),
    OSError(errno.ENETUNREACH, "unreachable"),
    socket.gaierror(socket.EAI_AGAIN, "no name server"),
    ssl.SSLError(1, "handshake"),
)


def test_error_families_are_found() -> None:
    """Guard the tests below, which would pass if the walk found nothing."""
    names = {kind.__name__ for kind in raised_by_clients()}
    assert names >= {"NotFound", "RetryError", "RefreshError", "ChunkedEncodingError", "ReadTimeoutError"}
    assert len(names) > 90


PASSING_STATUSES = (401, 408, 410, 429)
"""4xx: two by https://cloud.google.com/storage/docs/retry-strategy, two because the next call has new credentials."""


def storage_error_for(kind: type[BaseException]) -> type[BucketlensError]:
    """Return what an error of Cloud Storage becomes: already done, refused, or unavailable."""
    code = getattr(kind, "code", None)
    if issubclass(kind, api.NotFound):
        return AlreadyDone
    return StorageRefused if code and 400 <= code < 500 and code not in PASSING_STATUSES else StorageUnavailable


@pytest.mark.parametrize("kind", raised_by_clients(), ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_client_errors_are_translated(kind: type[BaseException]) -> None:
    error = instance_of(kind)
    with (
        pytest.raises(BucketlensError, match="While reading x") as translated,
        gcs_errors.translate_errors("reading x"),
    ):
        raise error
    assert type(translated.value) is storage_error_for(kind)
    assert translated.value.__cause__ is error
    if kind.__module__ == "google.cloud.storage.exceptions":
        return
    with (
        pytest.raises(WarehouseUnavailable, match="While appending x") as rejected,
        bigquery.translate_errors("appending x"),
    ):
        raise error
    assert isinstance(rejected.value, RowRefused) == (getattr(kind, "code", None) in (400, 413))
    assert rejected.value.__cause__ is error


@pytest.mark.parametrize("kind", raised_by_clients(), ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_object_is_unreadable_only_after_a_400(kind: type[BaseException]) -> None:
    with pytest.raises(BucketlensError) as translated, gcs_errors.translate_errors("reading x", of_object=True):
        raise instance_of(kind)
    assert isinstance(translated.value, Unreadable) == (getattr(kind, "code", None) == 400)


@pytest.mark.parametrize(
    "message",
    [
        "Permission denied on Cloud KMS key. Please ensure that your Cloud Storage service account has been authorized",
        "cloudKmsDisabledKey",
        "Bucket is a requester pays bucket but no user project provided.",
        "userProjectMissing",
    ],
)
def test_object_is_not_blamed_for_a_400_of_its_buckets_key_or_setting(message: str) -> None:
    with pytest.raises(StorageRefused), gcs_errors.translate_errors("reading x", of_object=True):
        raise api.BadRequest(message)


@pytest.mark.parametrize(
    "message",
    [
        "The target object is encrypted by a customer-supplied encryption key.",
        "resourceIsEncryptedWithCustomerEncryptionKey",
    ],
)
def test_error_for_a_file_with_a_customer_supplied_key_says_so(message: str) -> None:
    with (
        pytest.raises(Unreadable, match=r"customer-supplied encryption key\)\. Upload it again without one"),
        gcs_errors.translate_errors("reading x", of_object=True),
    ):
        raise api.BadRequest(message)


@pytest.mark.parametrize("error", OF_THE_SYSTEM, ids=lambda error: type(error).__name__)
def test_system_errors_are_translated(error: OSError) -> None:
    with pytest.raises(StorageUnavailable), gcs_errors.translate_errors("reading x"):
        raise error
    with pytest.raises(WarehouseUnavailable), bigquery.translate_errors("appending x"):
        raise error


def test_unavailable_services_are_transient_errors() -> None:
    assert issubclass(StorageUnavailable, Transient)
    assert issubclass(WarehouseUnavailable, Transient)


def test_errors_of_our_own_pass_untranslated() -> None:
    for translate_errors in (gcs_errors.translate_errors, bigquery.translate_errors):
        with pytest.raises(TooManyBytes), translate_errors("reading x"):
            raise TooManyBytes("too many")
        with pytest.raises(ZeroDivisionError), translate_errors("reading x"):  # a bug must be seen
            raise ZeroDivisionError


REFUSED = (401, 403, 409, 412, 429, 500, 502, 503, 504)
BROKEN = (
    b"",
    b"garbage\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nContent-Type: application/json\r\n\r\n{",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
)
"""A closed connection, no HTTP, a body cut short, a broken chunk, a body that does not unpack."""


@pytest.mark.parametrize("how", [*REFUSED, *BROKEN])
def test_store_that_refuses_or_breaks_off_is_unavailable(server: ThreadingHTTPServer, how: int | bytes) -> None:
    server.how = how  # type: ignore[attr-defined]
    endpoint = f"http://127.0.0.1:{server.server_port}"
    for call in ("read", "find", "uploads", "copy_once", "write_once", "delete"):
        if call == "delete" and isinstance(how, bytes) and how.startswith(b"HTTP/1.1 200"):
            continue  # the client does not read the body
        of_the_file = call == "read" and isinstance(how, bytes) and b"Content-Encoding" in how
        store = gcs.CloudStorage("p", LONG_S if of_the_file else SHORT_S, endpoint=endpoint)
        with pytest.raises(WrongEncoding if of_the_file else StorageUnavailable):
            STORAGE_CALLS[call](store)


def test_store_blames_a_400_on_an_object_only_when_it_is_read_or_copied(server: ThreadingHTTPServer) -> None:
    server.how = 400  # type: ignore[attr-defined]
    store = gcs.CloudStorage("p", LONG_S, endpoint=f"http://127.0.0.1:{server.server_port}")
    for call in STORAGE_CALLS:
        with pytest.raises(Unreadable if call in ("read", "find", "copy_once") else StorageRefused):
            STORAGE_CALLS[call](store)


@pytest.mark.parametrize("how", [*REFUSED, 400, 404, 413, *BROKEN])
def test_warehouse_that_refuses_or_breaks_off_is_unavailable(server: ThreadingHTTPServer, how: int | bytes) -> None:
    server.how = how  # type: ignore[attr-defined]
    warehouse = bigquery.BigQuery("p", "d", SHORT_S, endpoint=f"http://127.0.0.1:{server.server_port}")
    with pytest.raises(WarehouseUnavailable):
        warehouse.append(FAILURE)


def test_missing_object_is_already_done(server: ThreadingHTTPServer) -> None:
    server.how = 404  # type: ignore[attr-defined]
    store = gcs.CloudStorage("p", LONG_S, endpoint=f"http://127.0.0.1:{server.server_port}")
    for call in ("read", "find", "copy_once"):
        with pytest.raises(AlreadyDone):
            STORAGE_CALLS[call](store)
    store.delete(REF)


def test_missing_archive_is_unavailable_and_not_already_done(server: ThreadingHTTPServer) -> None:
    """Otherwise every event would be acknowledged while no row is ever written."""
    server.how = 404  # type: ignore[attr-defined]
    store = gcs.CloudStorage("p", LONG_S, endpoint=f"http://127.0.0.1:{server.server_port}")
    with pytest.raises(StorageUnavailable, match="There is no bucket gs://b; create it"):
        STORAGE_CALLS["write_once"](store)


@pytest.mark.parametrize("status", [400, 403, 404])
def test_query_that_bigquery_refuses_is_a_bad_request(server: ThreadingHTTPServer, status: int) -> None:
    server.how = status  # type: ignore[attr-defined]
    warehouse = bigquery.BigQuery("p", "d", SHORT_S, endpoint=f"http://127.0.0.1:{server.server_port}")
    with pytest.raises(BadRequest, match="BigQuery refused the query"):
        warehouse.query("SELECT 1")


@pytest.mark.parametrize("how", [429, 503, b""])
def test_query_gives_up_at_its_deadline(server: ThreadingHTTPServer, how: int | bytes) -> None:
    """BigQuery's client by default retries for ten minutes; the limit of this test is far below."""
    server.how = how  # type: ignore[attr-defined]
    warehouse = bigquery.BigQuery("p", "d", SHORT_S, endpoint=f"http://127.0.0.1:{server.server_port}")
    with pytest.raises(WarehouseUnavailable):
        warehouse.query("SELECT 1")


def test_server_that_does_not_listen_is_unavailable() -> None:
    with socket.socket() as silent:  # bound and not listening: every connection is refused
        silent.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(StorageUnavailable):
            gcs.CloudStorage("p", SHORT_S, endpoint=endpoint).read(REF, 1000)
        with pytest.raises(WarehouseUnavailable):
            bigquery.BigQuery("p", "d", SHORT_S, endpoint=endpoint).append(FAILURE)


def test_http_client_errors_reach_the_adapters_wrapped() -> None:
    """``http.client`` has its own family of errors, which urllib3 wraps; this test fails if it no longer does."""
    assert issubclass(urllib3.exceptions.IncompleteRead, http.client.IncompleteRead)
    assert issubclass(urllib3.exceptions.IncompleteRead, gcs_errors.UNAVAILABLE)
