"""An inference request of the Open Inference Protocol: one input with the images, and the requested outputs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from shared.errors import BadRequest
from shared.http.inputs import ImageInput
from shared.http.protocols.tensors import (
    PIXEL_TYPES,
    elements_from_binary,
    flat,
    images_of_bytes,
    images_of_pixels,
    pixels_from_binary,
    pixels_from_json,
    text_parameter,
)
from shared.http.protocols.v2_response import OUTPUTS, RequestedOutput
from shared.http.read_body import optional_object


@dataclass(frozen=True, slots=True)
class InferenceRequest:
    """An inference request."""

    id: str | None
    images: list[ImageInput]
    outputs: list[RequestedOutput]


def read_inference_request(document: dict[str, Any], binary: memoryview) -> InferenceRequest:
    """Read an inference request.

    Args:
        document: its JSON.
        binary: the bytes after the JSON, of an input with a ``binary_data_size``.

    Raises:
        BadRequest: a part is missing or has the wrong type; the message names it.
    """
    request_id = document.get("id")
    if request_id is not None and not isinstance(request_id, str):
        raise BadRequest(f"The id is a {type(request_id).__name__}, expected a string.")
    inputs = document.get("inputs")
    if not isinstance(inputs, list) or len(inputs) != 1 or not isinstance(inputs[0], dict):
        raise BadRequest('The request does not have one input, expected "inputs": [{…}] with one tensor of images.')
    parameters = optional_object(document, "parameters")
    return InferenceRequest(
        request_id, _images(inputs[0], parameters, binary), _requested_outputs(document, parameters)
    )


def _images(tensor: dict[str, Any], of_request: dict[str, Any], binary: memoryview) -> list[ImageInput]:
    datatype, shape, parameters = tensor.get("datatype"), _shape(tensor), optional_object(tensor, "parameters")
    if not isinstance(tensor.get("name"), str):
        raise BadRequest("The input has no name, expected a string.")
    if not isinstance(datatype, str) or (datatype != "BYTES" and datatype not in PIXEL_TYPES):
        raise BadRequest(f"The input's datatype is {str(datatype)[:40]!r}, expected BYTES, UINT8 or FP32.")
    size = parameters.get("binary_data_size")
    if size is None:
        return _images_in_json(tensor, shape, str(datatype), parameters, of_request)
    if isinstance(size, bool) or not isinstance(size, int) or size != len(binary):
        raise BadRequest(f"binary_data_size is {str(size)[:40]}, but {len(binary):,} bytes follow the JSON.")
    if datatype == "BYTES":
        elements = list(elements_from_binary(binary))
        _check_element_count(len(elements), shape)
        return images_of_bytes(elements, text_parameter(parameters, "content_type"))
    return images_of_pixels(pixels_from_binary(binary, shape, str(datatype)))


def _images_in_json(
    tensor: dict[str, Any],
    shape: list[int],
    datatype: str,
    parameters: dict[str, Any],
    of_request: dict[str, Any],
) -> list[ImageInput]:
    data = tensor.get("data")
    if not isinstance(data, list):
        raise BadRequest(f"The input's data is a {type(data).__name__}, expected a list.")
    if datatype != "BYTES":
        return images_of_pixels(pixels_from_json(data, shape, datatype))
    elements = flat(data)
    if not all(isinstance(element, str) for element in elements):
        raise BadRequest("The input's data holds other values, expected strings: base64 or gs:// URIs.")
    _check_element_count(len(elements), shape)
    content_type = text_parameter(parameters, "content_type") or text_parameter(of_request, "content_type")
    return images_of_bytes(elements, content_type)


def _requested_outputs(document: dict[str, Any], of_request: dict[str, Any]) -> list[RequestedOutput]:
    """Read the requested outputs; all of them if the request names none."""
    requested = document.get("outputs")
    if requested is None or requested == []:
        requested = [{"name": name} for name in OUTPUTS]
    if not isinstance(requested, list) or not all(isinstance(output, dict) for output in requested):
        raise BadRequest('The "outputs" are not a list of objects, expected [{"name": "probabilities"}].')
    return [_requested_output(output, of_request) for output in requested]


def _requested_output(output: dict[str, Any], of_request: dict[str, Any]) -> RequestedOutput:
    name, parameters = output.get("name"), optional_object(output, "parameters")
    if not isinstance(name, str) or name not in OUTPUTS:
        raise BadRequest(f"The output {str(name)[:40]!r} does not exist, expected one of {', '.join(OUTPUTS)}.")
    in_binary = parameters.get("binary_data", of_request.get("binary_data_output", False))
    if not isinstance(in_binary, bool):
        raise BadRequest(f"binary_data is {str(in_binary)[:40]!r}, expected true or false.")
    classes = parameters.get("classification")
    if classes is None and name == "probabilities":
        classes = of_request.get("classification")
    if classes is not None and (isinstance(classes, bool) or not isinstance(classes, int) or classes < 1):
        raise BadRequest(f"classification is {str(classes)[:40]!r}, expected the number of classes, 1 or more.")
    if classes and name != "probabilities":
        raise BadRequest(f"classification is set for the output {name!r}, expected only for probabilities.")
    return RequestedOutput(name, in_binary, classes)


def _shape(tensor: dict[str, Any]) -> list[int]:
    shape = tensor.get("shape")
    if not isinstance(shape, list) or not shape or len(shape) > 8 or not all(map(_is_size, shape)):
        raise BadRequest("The input's shape is invalid, expected a list of one to eight whole numbers.")
    return shape


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 32


def _check_element_count(elements: int, shape: list[int]) -> None:
    if elements != math.prod(shape):
        raise BadRequest(f"The input has {elements} elements, but its shape is {shape}.")
