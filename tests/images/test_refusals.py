"""What is refused before a picture is decoded, and what becomes of a decode whose process ended."""

from __future__ import annotations

import gzip
import signal

import pytest

from shared.errors import Busy, DamagedImage, NotAnImage, TooCostly, TooManyBytes
from shared.images.content_encoding import unpacked
from shared.images.decode import Limits, check_size, decode
from shared.images.decode_in_subprocess import OUT_OF_MEMORY, _error_for_exit


def test_limits_are_20_mebibytes_and_50_million_pixels() -> None:
    assert Limits() == Limits(max_bytes=20 * 2**20, max_pixels=50 * 10**6)


def test_empty_file_is_no_image() -> None:
    with pytest.raises(NotAnImage, match="is empty"):
        decode(b"", Limits())


@pytest.mark.parametrize(("size", "fits"), [(99, True), (100, True), (101, False)])
def test_file_may_have_as_many_bytes_as_the_limit(size: int, fits: bool) -> None:
    if fits:
        check_size(size, Limits(max_bytes=100))
    else:
        with pytest.raises(TooManyBytes):
            check_size(size, Limits(max_bytes=100))


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize(("size", "fits"), [(300, True), (303, False)])
def test_packed_file_may_unpack_to_as_many_bytes_as_the_limit(members: int, size: int, fits: bool) -> None:
    content = b"".join(gzip.compress(b"x" * (size // members)) for _ in range(members))
    if fits:
        assert unpacked(content, "gzip", 300) == b"x" * 300
    else:
        with pytest.raises(TooManyBytes, match="unpacks to more than the limit of 300 bytes"):
            unpacked(content, "gzip", 300)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (OUT_OF_MEMORY, TooCostly),
        (-signal.SIGXCPU, TooCostly),
        (-signal.SIGSEGV, DamagedImage),
        (-signal.SIGABRT, DamagedImage),
        (-signal.SIGKILL, Busy),
        (-signal.SIGALRM, Busy),
        (-signal.SIGTERM, Busy),
        (0, Busy),
        (1, Busy),
    ],
)
def test_decode_whose_process_ended_is_the_pictures_fault_only_where_it_crashed_or_cost_too_much(
    status: int, expected: type[Exception]
) -> None:
    assert type(_error_for_exit(status)) is expected
