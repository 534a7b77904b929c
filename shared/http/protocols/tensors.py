"""Tensors as the Open Inference Protocol names them: in JSON, in binary, and as images.

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
"""Datatypes that pixels may be of; binary is little-endian."""

WHITES = (1.0, 255.0)
"""What white may be in floating point. Nothing says, so it is the first that no pixel of the tensor is above."""


def images_of_bytes(elements: Sequence[bytes | str], content_type: str | None) -> list[ImageInput]:
    """Return the images of a BYTES tensor: files as they are, base64, or URIs.

    Args:
        elements: ``bytes`` of a binary tensor, ``str`` of one in JSON.
        content_type: ``base64`` or ``uri``, as MLServer's codecs say; None for what the transport suggests.
    """
    if content_type not in (None, "base64", "uri", "raw"):
        raise BadRequest(f"The content_type is {content_type[:40]!r}, expected base64, uri or raw.")
    return [_image_of(element, content_type) for element in elements]


def images_of_pixels(tensor: Array) -> list[ImageInput]:
    """Return the images of a tensor of pixels.

    Args:
        tensor: shape (images, height, width, 3), uint8 or float32; floating point is 0 to 1 or 0 to 255.

    Raises:
        BadRequest: another shape, or numbers out of range.
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
    """Return a tensor whose numbers came as JSON lists, nested or flat.

    Raises:
        BadRequest: not as many numbers as the shape says, or no numbers of this datatype.
    """
    numbers = numbers_from(data)
    if not numbers.size:
        raise BadRequest(f"The data has no numbers, and the shape is {list(shape)}; expected a picture.")
    if numbers.size != math.prod(shape):
        raise BadRequest(f"The data has {numbers.size:,} numbers; shape {list(shape)} has {math.prod(shape):,}.")
    if datatype == "UINT8" and (numbers.dtype.kind == "f" or not _are_bytes(numbers)):
        raise BadRequest("The data holds something else than whole numbers from 0 to 255, expected UINT8.")
    return numbers.astype(PIXEL_TYPES[datatype], copy=False).reshape(shape)


def numbers_from(data: Any) -> Array:
    """Return lists of numbers as an array.

    Raises:
        BadRequest: they hold something else, or are of different lengths.
    """
    try:
        numbers = np.asarray(data)
    except (ValueError, OverflowError) as error:
        raise BadRequest("The lists of numbers are of different lengths, or hold something else.") from error
    if numbers.dtype.kind not in "iuf":
        raise BadRequest("The lists hold something else than numbers.")
    return numbers


def pixels_from_binary(content: memoryview, shape: Sequence[int], datatype: str) -> Array:
    """Return a tensor that came in binary; it shares the bytes.

    Raises:
        BadRequest: not as many bytes as the shape says.
    """
    kind = PIXEL_TYPES[datatype]
    expected = math.prod(shape) * kind.itemsize
    if len(content) != expected:
        raise BadRequest(
            f"The binary tensor has {len(content):,} bytes; shape {list(shape)} of {datatype} has {expected:,}."
        )
    return np.frombuffer(content, kind).reshape(shape)


def elements_from_binary(content: memoryview) -> Iterator[bytes]:
    """Yield the elements of a binary BYTES tensor: each has its length in 4 bytes, little-endian, before it.

    Raises:
        BadRequest: the lengths do not add up.
    """
    at = 0
    while at < len(content):
        length = struct.unpack_from("<I", content, at)[0] if at + 4 <= len(content) else len(content)
        at += 4 + length
        if at > len(content):
            raise BadRequest("The binary BYTES tensor ends in the middle of an element.")
        yield bytes(content[at - length : at])


def flat(data: Any) -> list[Any]:
    """Return the elements of nested lists, in order; however deep, since callers decide that."""
    elements, left = [], [data]
    while left:
        part = left.pop()
        if isinstance(part, list):
            left.extend(reversed(part))
        else:
            elements.append(part)
    return elements


def to_binary(values: Array | Sequence[str]) -> bytes:
    """Return a tensor in binary: numbers little-endian, texts with their lengths."""
    if isinstance(values, np.ndarray):
        return values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
    encoded = [value.encode() for value in values]
    return b"".join(struct.pack("<I", len(value)) + value for value in encoded)


def text_parameter(parameters: Mapping[str, Any], name: str) -> str | None:
    """Return a parameter that is a text, or None.

    Raises:
        BadRequest: it is something else.
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
