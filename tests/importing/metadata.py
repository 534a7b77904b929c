"""TensorFlow Lite's metadata, added to a model as the usual tools add it."""

from __future__ import annotations

import base64
import io
import zipfile

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

DESCRIBED = base64.b64decode(
    "FAAAAE0wMDEMABAADAAAAAgABAAMAAAADAAAABABAAAUAQAAAQAAABAAAAAMAAwAAAAAAAgABAAMAAAACAAAAGQAAAABAAAAGAAA"
    "AAAAEgAMAAgAAAAAAAAAAAAAAAQAEgAAAAgAAAA0AAAAAQAAABAAAAAAAAoADAAIAAAABwAKAAAAAAAAAgQAAAAKAAAAbGFiZWxz"
    "LnR4dAAAAQAAAHAAAAABAAAAFAAAAAAADgAQAAwAAAAAAAgABAAOAAAADAAAAEgAAABYAAAAAQAAAAQAAADQ////EAAAAAAAAAEI"
    "AAwACAAEAAgAAAAIAAAADAAAAAEAAAAAAP9CAQAAAAAA/0IIAAwACwAEAAgAAAAMAAAAAAAAAgQABAAEAAAABQAAAGltYWdlAAAA"
    "AgAAAHYxAAABAAAAeAAAAA=="
)
"""Written with tflite-support 0.4.4: mean 127.5, deviation 127.5, and labels.txt as names of the output's places."""


def with_metadata(content: bytes, labels: str, described: bytes = DESCRIBED) -> bytes:
    """Return a .tflite file with the metadata of ``DESCRIBED``, and labels.txt in an archive at its end."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = list(described)
    model.buffers.append(buffer)
    entry.name, entry.buffer = "TFLITE_METADATA", len(model.buffers) - 1
    model.metadata = [*(model.metadata or []), entry]
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("labels.txt", labels)
    return bytes(builder.Output()) + archive.getvalue()
