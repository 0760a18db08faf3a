"""What is looked for in a stranger's ONNX file before any runtime reads it.

An ONNX file may name other files that hold its weights, by any path; operators that somebody's own library brings; and
loops that never end. Exported networks need none of these, so that whatever else stands there is refused.
"""

from __future__ import annotations

from pathlib import Path

import onnx
from google.protobuf.message import DecodeError

from data.formats.regular import read_regular

from ..core.problems import Problem, SettingsError

LARGEST_BYTES = 512 << 20
MOST_NODES = 20_000

# Every operator that exported networks are made of.
OPERATORS = frozenset(
    {
        *("Add", "Cast", "Concat", "Conv", "Cos", "Div", "DynamicQuantizeLinear", "Floor", "GRU", "Gather"),
        *("GatherND", "Gelu", "Identity", "LSTM", "LayerNormalization", "Less", "LogSoftmax", "MatMul"),
        *("MatMulInteger", "Max", "MaxPool", "Min", "Mod", "Mul", "Pad", "RNN", "Range", "ReduceL2"),
        *("ReduceLogSumExp", "ReduceMax", "ReduceSum", "Relu"),
        *("Reshape", "Round", "Shape", "Sigmoid", "Sin", "Slice", "Softmax", "Split", "Sqrt", "Squeeze", "Sub"),
        *("Transpose", "Unsqueeze", "Where"),
    }
)

OWN_DOMAINS = ("", "ai.onnx")
# Fields of an attribute, whatever it says its type is.
NESTED = frozenset({"t", "g", "tensors", "graphs", "sparse_tensor", "sparse_tensors"})


def read_checked(path: Path) -> bytes:
    """The content of an ONNX file that holds nothing but a network of known operators.

    Raises:
        SettingsError: If it cannot be read, is no ONNX file, or holds anything else.
    """
    try:
        content = read_regular(path, LARGEST_BYTES)
    except OSError as error:
        raise SettingsError([Problem("--model", str(path), f"cannot be read: {error.strerror}")]) from error
    refuse_foreign(content, str(path))
    return content


def refuse_foreign(content: bytes, place: str) -> None:
    """Refuses what no exported network holds.

    Raises:
        SettingsError: In a sentence that says what.
    """
    try:
        rule = _foreign(onnx.ModelProto.FromString(content))
    except DecodeError:
        rule = "is no ONNX file, or is damaged"
    if rule:
        raise SettingsError([Problem("--model", place, rule, "use a file that ./run_tuning.sh export wrote")])


def _foreign(model: onnx.ModelProto) -> str:
    graph = model.graph
    if model.functions:
        return "defines functions of its own, which exported networks do not"
    for opset in model.opset_import:
        if opset.domain not in OWN_DOMAINS:
            return f"uses operators of {opset.domain[:80]!r}, which are not part of ONNX"
    if not graph.node:
        return "holds no network"
    if graph.sparse_initializer:
        return "holds sparse weights, which exported networks do not"
    if any(weight.external_data or weight.data_location for weight in graph.initializer):
        return "takes weights from other files, by paths of its own; only weights inside the file are read"
    for node in graph.node:
        if any(field.name in NESTED for attribute in node.attribute for field, _ in attribute.ListFields()):
            return "holds networks or weights inside of an operator, which exported networks do not"
        if node.domain not in OWN_DOMAINS or node.op_type not in OPERATORS:
            shown = f"{node.domain}::{node.op_type}" if node.domain else node.op_type
            return f"uses the operator {shown[:80]!r}, which no exported network needs"
    return f"has {len(graph.node):,} nodes: at most {MOST_NODES:,}" if len(graph.node) > MOST_NODES else ""
