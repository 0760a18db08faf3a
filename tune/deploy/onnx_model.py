"""A network from its folder as one ONNX file: measured values in, logits and calibrated probabilities out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import helper
from torch import nn

from data.tensors.channels import SMALLEST_DEVIATION
from data.tensors.triples import sensor_triples
from models import ARCHITECTURES, SequenceClassifier
from models.ensemble import Ensemble
from models.own import OWN
from models.pooling import Pooling

from ..core.problems import Problem, SettingsError
from ..training.model_folder import StoredModel
from .metadata import INPUTS, OUTPUTS, facts_of
from .onnx_attention import dense
from .onnx_graph import Graph, Steps
from .onnx_layers import stage, untranslated

# The newest that the packages of the extra know; older runtimes want an older one, and nothing here needs more than 20.
OPSET, OLDEST_OPSET = 28, 20


def refuse_untranslated(network: SequenceClassifier, architecture: str) -> None:
    """Says before any work why a network cannot be exported.

    Raises:
        SettingsError: If it cannot.
    """
    missing = untranslated(network)
    if missing:
        known = [name for name in ARCHITECTURES if name != architecture]
        rule = f"cannot be written as ONNX: there is no translation of its {' and '.join(missing)}"
        way_out = f"add one to tune/deploy/onnx_layers.py, or use one of {', '.join(known)}"
        if architecture in OWN:
            way_out = "--format torch-export can write it"
        raise SettingsError([Problem("architecture", architecture, rule, way_out)])


def to_onnx(model: StoredModel, *, opset: int = OPSET, int8: bool = False) -> bytes:
    """The whole network as an ONNX file.

    Its inputs are ``values`` [batch, time, channels], as measured, and ``lengths`` [batch]; its outputs ``logits``
    [batch, classes], before the temperature, and ``probabilities``. What stands after a sequence's last step never
    matters.

    Args:
        model: From its folder.
        opset: Version of the operators, ``OLDEST_OPSET`` to ``OPSET``.
        int8: Whether weights are bytes, and linear maps computed in whole numbers.

    Raises:
        SettingsError: If the architecture cannot be exported.
    """
    description = model.description
    refuse_untranslated(model.network, description.architecture)
    graph = Graph(int8=int8)
    steps = prepared(model, Steps(graph, *INPUTS).masked())
    logits = network_logits(model.network, steps)
    cooler = graph("Div", logits, graph.constant(description.temperature))
    graph.nodes.append(helper.make_node("Identity", [logits], [OUTPUTS[0]], name=OUTPUTS[0]))
    graph.nodes.append(helper.make_node("Softmax", [cooler], [OUTPUTS[1]], name=OUTPUTS[1], axis=1))
    facts = facts_of(model, int8=int8)
    return _file(graph, len(description.channel_names), len(description.class_names), opset, facts.as_metadata())


def network_logits(network: SequenceClassifier, steps: Steps) -> str:
    """``SequenceClassifier.forward`` outside of training."""
    graph = steps.graph
    if isinstance(network, Ensemble):
        return _mixed(network, steps)
    steps = steps.masked()
    for module in network.stages:
        steps = stage(module, steps)
    head = network.head[1]
    if not isinstance(head, nn.Linear):
        raise TypeError("the head is no linear map")
    return dense(head, graph, pooled(network.pooling, steps))


def _mixed(network: Ensemble, steps: Steps) -> str:
    """``Ensemble``."""
    graph, weighted = steps.graph, []
    for member, columns, share in zip(network.networks, network.columns, network.shares, strict=True):
        own = graph("Gather", steps.hidden, graph.integers(*columns), axis=2)
        said = graph("LogSoftmax", network_logits(member, steps.with_hidden(own)), axis=1)
        weighted.append(graph("Unsqueeze", graph("Add", said, graph.constant(np.log(share))), graph.integers(0)))
    return graph("ReduceLogSumExp", graph("Concat", *weighted, axis=0), graph.integers(0), keepdims=0)


def pooled(module: Pooling, steps: Steps) -> str:
    """``Pooling``: [batch, features]."""
    graph = steps.graph
    time_axis = graph.integers(1)

    def mean() -> str:
        total = graph("ReduceSum", graph("Mul", steps.hidden, steps.weights), time_axis, keepdims=0)
        return graph("Div", total, steps.n_real)

    def largest() -> str:
        kept = graph("Where", steps.real, steps.hidden, graph.constant(-np.inf))
        return graph("ReduceMax", kept, time_axis, keepdims=0)

    match module.name:
        case "last":
            return _last(module, steps)
        case "mean":
            return mean()
        case "max":
            return largest()
        case "mean_max":
            return graph("Concat", mean(), largest(), axis=1)
        case _:
            scores = graph("MatMul", steps.hidden, graph.weight(module.score.weight.detach().numpy().T))
            weights = graph("Softmax", graph("Where", steps.real, scores, graph.constant(-np.inf)), axis=1)
            return graph("ReduceSum", graph("Mul", weights, steps.hidden), time_axis, keepdims=0)


def _last(module: Pooling, steps: Steps) -> str:
    graph = steps.graph
    index = graph("Sub", graph("Unsqueeze", steps.lengths, graph.integers(1)), graph.integers(1))
    end = graph("GatherND", steps.hidden, index, batch_dims=1)
    if not module.bidirectional:
        return end
    half = module.n_outputs // 2
    sizes = graph.integers(half, half)
    first = graph("Gather", steps.hidden, graph.constant(0, np.int64), axis=1)
    forwards, backwards = (
        graph.outputs("Split", [end, sizes], 2, axis=1)[0],
        graph.outputs("Split", [first, sizes], 2, axis=1)[1],
    )
    return graph("Concat", forwards, backwards, axis=1)


def prepared(model: StoredModel, steps: Steps) -> Steps:
    """``data.channels.prepare_measured`` on a padded batch."""
    graph, preparation = steps.graph, model.preparation
    columns = [steps.hidden]
    if preparation.derived_channels in ("differences", "both"):
        columns.append(_differences(steps))
    if preparation.derived_channels in ("magnitude", "both"):
        columns += [
            graph("ReduceL2", _channels(steps, first, last + 1), graph.integers(2), keepdims=1)
            for first, _, last in sensor_triples(model.description.channel_names)
        ]
    joined = graph("Concat", *columns, axis=2) if len(columns) > 1 else steps.hidden
    mean, std = (graph.constant(each.numpy()) for each in (model.normaliser.mean, model.normaliser.deviation))
    globally = graph("Div", graph("Sub", joined, mean), std)
    if preparation.normalisation == "global":
        return steps.with_hidden(globally)
    by_instance = _normalised_each(steps.with_hidden(globally))
    if preparation.normalisation == "instance":
        return steps.with_hidden(by_instance)
    return steps.with_hidden(graph("Concat", globally, by_instance, axis=2))


def _differences(steps: Steps) -> str:
    """Each channel's change since the step before; zero at the first."""
    graph = steps.graph
    first = graph("Slice", steps.hidden, graph.integers(0), graph.integers(1), graph.integers(1))
    before = graph("Slice", steps.hidden, graph.integers(0), graph.integers(-1), graph.integers(1))
    return graph("Sub", steps.hidden, graph("Concat", first, before, axis=1))


def _channels(steps: Steps, begin: int, end: int) -> str:
    graph = steps.graph
    return graph("Slice", steps.hidden, graph.integers(begin), graph.integers(end), graph.integers(2))


def _normalised_each(steps: Steps) -> str:
    """``channels._normalise_each``: each sequence by its own mean and standard deviation over its real steps."""
    graph = steps.graph
    n_real = graph("Unsqueeze", steps.n_real, graph.integers(2))

    def mean_over_steps(hidden: str) -> str:
        total = graph("ReduceSum", graph("Mul", hidden, steps.weights), graph.integers(1), keepdims=1)
        return graph("Div", total, n_real)

    centred = graph("Sub", steps.hidden, mean_over_steps(steps.hidden))
    std = graph("Sqrt", mean_over_steps(graph("Mul", centred, centred)))
    return graph("Div", centred, graph("Max", std, graph.constant(SMALLEST_DEVIATION)))


def _file(graph: Graph, n_channels: int, n_classes: int, opset: int, metadata: Mapping[str, str]) -> bytes:
    float_type, whole_type = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64

    def described(name: str, kind: int, shape: Sequence[str | int]) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, kind, shape)

    inputs = [
        described(INPUTS[0], float_type, ["batch", "time", n_channels]),
        described(INPUTS[1], whole_type, ["batch"]),
    ]
    outputs = [described(name, float_type, ["batch", n_classes]) for name in OUTPUTS]
    body = helper.make_graph(graph.nodes, "seqtune", inputs, outputs, list(graph.initialisers.values()))
    versions = [helper.make_opsetid("", opset)]
    file = helper.make_model(body, opset_imports=versions, producer_name="seqtune")
    file.ir_version = helper.find_min_ir_version_for(versions)
    helper.set_model_props(file, dict(metadata))
    onnx.checker.check_model(file, full_check=True)
    return bytes(file.SerializeToString())
