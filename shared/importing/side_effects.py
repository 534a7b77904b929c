"""Refuse SavedModels whose graph does more than compute: reads or writes files, or changes pictures at random."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from shared.errors import Misconfigured
from shared.training.quiet import tensorflow_for

ON_FILES = frozenset(
    {"ReadFile", "WriteFile", "MatchingFiles", "WholeFileReader", "WholeFileReaderV2", "TextLineReader"}
    | {"TextLineReaderV2", "TFRecordReader", "TFRecordReaderV2", "FixedLengthRecordReader", "FixedLengthRecordReaderV2"}
    | {"TextLineDataset", "TFRecordDataset", "TFRecordDatasetV2", "FixedLengthRecordDataset", "SaveDataset"}
    | {"FixedLengthRecordDatasetV2", "SaveDatasetV2", "LoadDataset", "DatasetToTFRecord", "SqlDataset", "LMDBReader"}
    | {"CacheDataset", "CacheDatasetV2", "SnapshotDataset", "SnapshotDatasetV2", "CreateSummaryFileWriter"}
    | {"CreateSummaryDbWriter", "ImportEvent", "PrintV2", "Save", "SaveSlices", "Restore", "RestoreSlice"}
    | {"PyFunc", "PyFuncStateless", "EagerPyFunc", "DebugIdentity", "DebugIdentityV2", "DebugIdentityV3"}
)
"""Operations that reach beyond the graph: https://www.tensorflow.org/api_docs/python/tf/raw_ops, by their names."""

ON_CHECKPOINTS = frozenset({"SaveV2", "RestoreV2", "MergeV2Checkpoints"})
"""Every SavedModel has them to load and save its variables; its signature does not need them."""

ASSIGNMENTS = frozenset({"AssignVariableOp", "AssignAddVariableOp", "AssignSubVariableOp"})
"""A model that only classifies assigns no variable; layers that augment pictures assign their seeds."""


def refuse_file_operations(path: Path) -> None:
    """Refuse a SavedModel with an operation that reads or writes files, before any of it runs.

    Args:
        path: the folder with ``saved_model.pb``.

    Raises:
        Misconfigured: an operation does, or the description of the graph cannot be read.
    """
    tensorflow_for(path.name)
    from tensorflow.core.protobuf import saved_model_pb2

    described = saved_model_pb2.SavedModel()
    try:
        described.ParseFromString((path / "saved_model.pb").read_bytes())
    except Exception as error:  # protobuf raises its own, and MemoryError
        fault = "it is not a SavedModel that can be opened; export it again"
        raise Misconfigured(f"the model {path.name}", [fault]) from error
    for graph in described.meta_graphs:
        _refuse(path, _operations(graph.graph_def), ON_FILES)


def refuse_checkpoint_operations(path: Path, graph: Any) -> None:
    """Refuse a loaded signature that restores or saves variables.

    Raises:
        Misconfigured: the signature does.
    """
    _refuse(path, _operations(graph), ON_FILES | ON_CHECKPOINTS)


def random_fault(graph: Any) -> str | None:
    """Return the fault of a graph that draws random numbers; None where it draws none.

    Keras 3.15 exports layers of augmentation switched on; their seed is counted in a variable, which cannot be frozen.
    """
    drawn = sorted({name for name in _operations(graph) if "Random" in name or name in ASSIGNMENTS})
    if not drawn:
        return None
    return (
        f"it changes pictures at random ({', '.join(drawn[:3])}), for Keras exports layers of augmentation "
        "(RandomFlip, RandomRotation, …) switched on; import its .keras or .h5 file, or export it with "
        "training=False, as docs/bundle.md shows"
    )


def _operations(graph: Any) -> Iterable[str]:
    yield from (node.op for node in graph.node)
    for function in graph.library.function:
        yield from (node.op for node in function.node_def)


def _refuse(path: Path, operations: Iterable[str], refused: frozenset[str]) -> None:
    if names := sorted(refused.intersection(operations)):
        fault = f"its graph reads or writes files ({', '.join(names)}), which no model of pictures needs to; refused"
        raise Misconfigured(f"the model {path.name}", [fault])
