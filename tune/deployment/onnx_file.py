"""What is looked for in a stranger's ONNX file before any runtime reads it.

An ONNX file may name other files that hold its weights, by any path; operators that somebody's own library brings; and
loops that never end. Exported networks need none of these, so that whatever else stands there is refused.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from ..problems import Problem, SettingsError

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
STANDARD = (b"", b"ai.onnx")

# The fields of onnx.proto that are looked at, with their numbers there. Each is read as if it could stand several
# times: whatever a runtime makes of a second one, both are looked at. ``bytes`` is what need not be looked into.
FIELDS = {
    "Model": {"graph": (7, "Graph"), "opset_import": (8, "Opset"), "functions": (25, "bytes")},
    "Opset": {"domain": (1, "bytes")},
    "Graph": {"node": (1, "Node"), "initializer": (5, "Tensor"), "sparse_initializer": (15, "bytes")},
    "Tensor": {"external_data": (13, "bytes"), "data_location": (14, "int32")},
    "Node": {"op_type": (4, "bytes"), "attribute": (5, "Attribute"), "domain": (7, "bytes")},
    "Attribute": {
        **{"t": (5, "bytes"), "g": (6, "bytes"), "sparse_tensor": (22, "bytes")},
        **{"tensors": (10, "bytes"), "graphs": (11, "bytes"), "sparse_tensors": (23, "bytes")},
    },
}


def _model_class() -> Any:
    """The message of a whole file, made here: ``protobuf`` comes with every onnxruntime, ``onnx`` does not."""
    kinds = {"bytes": FieldDescriptorProto.TYPE_BYTES, "int32": FieldDescriptorProto.TYPE_INT32}
    file = FileDescriptorProto(name="seqtune_onnx.proto", package="seqtune")
    for message, fields in FIELDS.items():
        described = file.message_type.add(name=message)
        for name, (number, kind) in fields.items():
            field = described.field.add(name=name, number=number, label=FieldDescriptorProto.LABEL_REPEATED)
            field.type = kinds.get(kind, FieldDescriptorProto.TYPE_MESSAGE)
            if kind not in kinds:
                field.type_name = f".seqtune.{kind}"
    pool = DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return GetMessageClass(pool.FindMessageTypeByName("seqtune.Model"))


MODEL = _model_class()


def refuse_foreign(content: bytes, place: str) -> None:
    """Refuses what no exported network holds.

    Raises:
        SettingsError: In a sentence that says what.
    """
    try:
        rule = _foreign(MODEL.FromString(content))
    except DecodeError as error:
        rule = f"is no ONNX file, or is damaged: {error}"
    if rule:
        raise SettingsError([Problem("--model", place, rule, "use a file that ./run_tuning.sh export wrote")])


def _foreign(model: Any) -> str:
    if model.functions:
        return "defines functions of its own, which exported networks do not"
    for domain in (domain for version in model.opset_import for domain in version.domain):
        if domain not in STANDARD:
            return f"uses operators of {_text(domain)!r}, which are not part of ONNX"
    if len(model.graph) != 1:
        return "holds no network"
    graph = model.graph[0]
    if graph.sparse_initializer:
        return "holds sparse weights, which exported networks do not"
    if any(tensor.external_data or any(tensor.data_location) for tensor in graph.initializer):
        return "takes weights from other files, by paths of its own; only weights inside the file are read"
    if len(graph.node) > MOST_NODES:
        return f"has {len(graph.node):,} nodes: at most {MOST_NODES:,}"
    return next(filter(None, map(_foreign_in_node, graph.node)), "")


def _foreign_in_node(node: Any) -> str:
    if any(attribute.ListFields() for attribute in node.attribute):
        return "holds networks or weights inside of an operator, which exported networks do not"
    operators, domains = [_text(one) for one in node.op_type], [_text(one) for one in node.domain]
    if not operators or not OPERATORS.issuperset(operators) or not set(node.domain).issubset(STANDARD):
        shown = "::".join([*filter(None, domains), *operators])
        return f"uses the operator {shown[:80]!r}, which no exported network needs"
    return ""


def _text(content: bytes) -> str:
    return content.decode("utf-8", "backslashreplace")
