"""What is looked for in a stranger's ONNX file before any runtime reads it, with nothing but the bytes.

An ONNX file may name other files that hold its weights, by any path; operators that somebody's own library brings; and
loops that never end. Exported networks need none of these, so that whatever else stands there is refused. The format
is that of protocol buffers (protobuf.dev/programming-guides/encoding), with the fields of onnx.proto.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from data.regular import read_regular

from ..problems import Problem, SettingsError

LARGEST_BYTES = 512 << 20
MOST_NODES = 20_000

# Every operator that exported networks are made of.
OPERATORS = frozenset(
    {
        *("Add", "Cast", "Concat", "Conv", "Cos", "Div", "DynamicQuantizeLinear", "Floor", "GRU", "Gather"),
        *("GatherND", "Gelu", "Identity", "LSTM", "LayerNormalization", "Less", "MatMul", "MatMulInteger", "Max"),
        *("MaxPool", "Min", "Mod", "Mul", "Pad", "RNN", "Range", "ReduceL2", "ReduceMax", "ReduceSum", "Relu"),
        *("Reshape", "Shape", "Sigmoid", "Sin", "Slice", "Softmax", "Split", "Sqrt", "Squeeze", "Sub", "Transpose"),
        *("Unsqueeze", "Where"),
    }
)

# Numbers of the fields in onnx.proto.
MODEL_GRAPH, MODEL_OPSETS, MODEL_FUNCTIONS = 7, 8, 25
GRAPH_NODE, GRAPH_INITIALISER, GRAPH_SPARSE = 1, 5, 15
NODE_OPERATOR, NODE_ATTRIBUTE, NODE_DOMAIN = 4, 5, 7
ATTRIBUTES_THAT_HOLD_MORE = frozenset({5, 6, 10, 11, 22, 23})  # tensors, graphs and sparse tensors, one or several
TENSOR_EXTERNAL, TENSOR_LOCATION = 13, 14
OPSET_DOMAIN = 1

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
LONGEST_VARINT = 10


class Field(NamedTuple):
    """One field of a message.

    Attributes:
        number: As in onnx.proto.
        content: Its bytes; empty for a number.
        value: The number; zero for bytes.
    """

    number: int
    content: memoryview
    value: int


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
        rule = _foreign(memoryview(content))
    except ValueError as error:
        rule = f"is no ONNX file, or is damaged: {error}"
    if rule:
        raise SettingsError([Problem("--model", place, rule, "use a file that ./run_tuning.sh export wrote")])


def _foreign(content: memoryview) -> str:
    graphs = []
    for field in fields(content):
        if field.number == MODEL_FUNCTIONS:
            return "defines functions of its own, which exported networks do not"
        if field.number == MODEL_OPSETS:
            domain = _text(next((one.content for one in fields(field.content) if one.number == OPSET_DOMAIN), b""))
            if domain not in ("", "ai.onnx"):
                return f"uses operators of {domain!r}, which are not part of ONNX"
        if field.number == MODEL_GRAPH:
            graphs.append(field.content)
    if len(graphs) != 1:
        return "holds no network"
    return _foreign_in_graph(graphs[0])


def _foreign_in_graph(content: memoryview) -> str:
    n_nodes = 0
    for field in fields(content):
        if field.number == GRAPH_SPARSE:
            return "holds sparse weights, which exported networks do not"
        if field.number == GRAPH_INITIALISER and any(
            one.number == TENSOR_EXTERNAL or (one.number == TENSOR_LOCATION and one.value)
            for one in fields(field.content)
        ):
            return "takes weights from other files, by paths of its own; only weights inside the file are read"
        if field.number == GRAPH_NODE:
            n_nodes += 1
            rule = _foreign_in_node(field.content)
            if rule:
                return rule
    return f"has {n_nodes:,} nodes: at most {MOST_NODES:,}" if n_nodes > MOST_NODES else ""


def _foreign_in_node(content: memoryview) -> str:
    operator, domain = "", ""
    for field in fields(content):
        if field.number == NODE_OPERATOR:
            operator = _text(field.content)
        elif field.number == NODE_DOMAIN:
            domain = _text(field.content)
        elif field.number == NODE_ATTRIBUTE and any(
            one.number in ATTRIBUTES_THAT_HOLD_MORE for one in fields(field.content)
        ):
            return "holds networks or weights inside of an operator, which exported networks do not"
    if domain not in ("", "ai.onnx") or operator not in OPERATORS:
        shown = f"{domain}::{operator}" if domain else operator
        return f"uses the operator {shown[:80]!r}, which no exported network needs"
    return ""


def fields(content: memoryview) -> Iterator[Field]:
    """The fields of one message.

    Raises:
        ValueError: If the bytes are no message.
    """
    position, end = 0, len(content)
    while position < end:
        key, position = _varint(content, position)
        number, kind = key >> 3, key & 7
        value, begin = 0, position
        if kind == VARINT:
            value, position = _varint(content, position)
            begin = position
        elif kind == BYTES:
            length, begin = _varint(content, position)
            position = begin + length
        elif kind in (FIXED64, FIXED32):
            position += 8 if kind == FIXED64 else 4
        else:
            raise ValueError(f"a field of kind {kind} at byte {position}")
        if number == 0 or position > end:
            raise ValueError(f"a field that ends after byte {end}")
        yield Field(number, content[begin:position], value)


def _varint(content: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for k, byte in enumerate(content[position : position + LONGEST_VARINT]):
        value |= (byte & 0x7F) << (7 * k)
        if byte < 0x80:
            return value, position + k + 1
    raise ValueError(f"a number without an end at byte {position}")


def _text(content: memoryview | bytes) -> str:
    return bytes(content).decode("utf-8", "backslashreplace")
