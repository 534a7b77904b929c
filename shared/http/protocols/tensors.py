"""Convert the tensors of the Open Inference Protocol: from JSON and binary to images, and back to binary.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md (Tensor Data)
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from shared.errors import BadRequest
from shared.http.inputs import ImageBase64, ImageBytes, ImageInput, ImagePixels, ImageUri

Array = npt.NDArray[Any]

PIXEL_TYPES: dict[str, np.dtype[Any]] = {"UINT8": np.dtype("u1"), "FP32": np.dtype("<f4")}
"""The datatypes of pixels; binary data is little-endian."""

WHITES = (1.0, 255.0)
"""The values that white may have in floating point. A tensor does not declare its own, so the first that no pixel
exceeds is used."""


def images_of_bytes(elements: Sequence[bytes | str], content_type: str | None) -> list[ImageInput]:
    """Return the images of a BYTES tensor: raw files, base64, or URIs.

    Args:
        elements: ``bytes`` of a binary tensor, ``str`` of one in JSON.
        content_type: ``base64`` or ``uri``, as in MLServer's codecs, or ``raw``; None: binary elements are raw files,
            JSON strings are URIs or base64.

    Raises:
        BadRequest: the content_type is unknown, or raw bytes are in JSON.
    """
    if content_type not in (None, "base64", "uri", "raw"):
        raise BadRequest(f"The content_type is {content_type[:40]!r}, expected base64, uri or raw.")
    return [_image_of(element, content_type) for element in elements]


def images_of_pixels(tensor: Array) -> list[ImageInput]:
    """Return the images of a tensor of pixels.

    Args:
        tensor: shape (images, height, width, 3), uint8 or float32; floating point is 0 to 1 or 0 to 255.

    Raises:
        BadRequest: the shape is not the expected one, or numbers are out of range.
    """
    if tensor.ndim != 4 or tensor.shape[3] != 3 or 0 in tensor.shape:
        raise BadRequest(f"The pixels have shape {list(tensor.shape)}, expected [images, height, width, 3].")
    scale = 1.0
    if tensor.dtype != np.uint8:
        low, high = float(tensor.min()), float(tensor.max())
        white = next((white for white in WHITES if high <= white), None)
        if white is None or not low >= 0:  # NaN is neither
            raise BadRequest(f"The pixels are {low:g} to {high:g}, expected 0 to 1 or 0 to 255.")
        scale = 255 / white
    return [ImagePixels(pixels, scale) for pixels in tensor]


def pixels_from_json(data: Any, shape: Sequence[int], datatype: str) -> Array:
    """Return a tensor whose numbers are JSON lists, nested or flat.

    Raises:
        BadRequest: the count of numbers does not match the shape, or a number does not fit the datatype.
    """
    numbers = numbers_from(data)
    if not numbers.size:
        raise BadRequest(f"The data has no numbers, and the shape is {list(shape)}; expected the pixels of a picture.")
    if numbers.size != math.prod(shape):
        raise BadRequest(f"The data has {numbers.size:,} numbers; shape {list(shape)} has {math.prod(shape):,}.")
    if datatype == "UINT8" and (numbers.dtype.kind == "f" or not _are_bytes(numbers)):
        raise BadRequest("The data holds other values, expected whole numbers from 0 to 255, for UINT8.")
    return numbers.astype(PIXEL_TYPES[datatype], copy=False).reshape(shape)


def numbers_from(data: Any) -> Array:
    """Return nested lists of numbers as an array.

    Raises:
        BadRequest: the lists hold other values, or have different lengths.
    """
    try:
        numbers = np.asarray(data)
    except (ValueError, OverflowError) as error:
        raise BadRequest("The nested lists must have equal lengths and hold only numbers.") from error
    if numbers.dtype.kind not in "iuf":
        raise BadRequest("The nested lists hold other values, expected only numbers.")
    return numbers


def pixels_from_binary(content: memoryview, shape: Sequence[int], datatype: str) -> Array:
    """Return a binary tensor as an array that shares its bytes.

    Raises:
        BadRequest: the number of bytes does not match the shape.
    """
    dtype = PIXEL_TYPES[datatype]
    expected = math.prod(shape) * dtype.itemsize
    if len(content) != expected:
        raise BadRequest(
            f"The binary tensor has {len(content):,} bytes; shape {list(shape)} of {datatype} has {expected:,}."
        )
    return np.frombuffer(content, dtype).reshape(shape)


def elements_from_binary(content: memoryview) -> Iterator[bytes]:
    """Yield the elements of a binary BYTES tensor; the length of each precedes it in 4 bytes, little-endian.

    Raises:
        BadRequest: the lengths do not add up.
    """
    end = 0
    while end < len(content):
        length = struct.unpack_from("<I", content, end)[0] if end + 4 <= len(content) else len(content)
        end += 4 + length
        if end > len(content):
            raise BadRequest("The binary BYTES tensor ends in the middle of an element.")
        yield bytes(content[end - length : end])


def flat(data: Any) -> list[Any]:
    """Return the elements of nested lists, in order; without recursion, because the client decides the depth."""
    elements, left = [], [data]
    while left:
        part = left.pop()
        if isinstance(part, list):
            left.extend(reversed(part))
        else:
            elements.append(part)
    return elements


def to_binary(values: Array | Sequence[str]) -> bytes:
    """Return a tensor in binary: numbers in little-endian, strings each after their length."""
    if isinstance(values, np.ndarray):
        return values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
    encoded = [value.encode() for value in values]
    return b"".join(struct.pack("<I", len(value)) + value for value in encoded)


def text_parameter(parameters: Mapping[str, Any], name: str) -> str | None:
    """Return a parameter that is a string; None if it is missing.

    Raises:
        BadRequest: it has another type.
    """
    value = parameters.get(name)
    if value is not None and not isinstance(value, str):
        raise BadRequest(f"The parameter {name} is {str(value)[:40]!r}, expected a string.")
    return value


def _are_bytes(numbers: Array) -> bool:
    return bool(numbers.min() >= 0 and numbers.max() <= 255)


def _image_of(element: bytes | str, content_type: str | None) -> ImageInput:
    if isinstance(element, str):
        if content_type == "raw":
            raise BadRequest("JSON holds no raw bytes; send base64, or the binary tensor extension.")
        is_uri = content_type == "uri" or (content_type is None and element.startswith("gs://"))
        return ImageUri(element) if is_uri else ImageBase64(element)
    if content_type in ("base64", "uri"):
        text = element.decode("utf-8", "replace")
        return ImageUri(text) if content_type == "uri" else ImageBase64(text)
    return ImageBytes(element)
