"""Linear maps, norms, attention and positions as ONNX operators; each function mirrors a ``forward`` in ``models``."""

from __future__ import annotations

import math

import numpy as np
import onnx
import torch
from torch import nn

from models.attention import MultiHeadAttention, SelfAttention
from models.positions import N_LEARNED_POSITIONS, LearnedPositions, angles
from models.transformer import Encoder, FeedForward

from .onnx_graph import Graph, Steps, quantised

# Cosine and sine of ``positions.rotary``, each [time, pairs].
Rotation = tuple[str, str]

WEIGHT_ZERO_POINT = 128


def linear(module: nn.Linear, steps: Steps) -> str:
    """A linear map of every step."""
    # What stands in the padding would otherwise help to choose the scale of whole numbers.
    return dense(module, steps.graph, steps.masked().hidden if steps.graph.int8 else steps.hidden)


def dense(module: nn.Linear, graph: Graph, hidden: str) -> str:
    """A linear map of the last axis; with ``int8`` in whole numbers, scaled by what it is given at the time."""
    weight = module.weight.detach().numpy().T
    if graph.int8:
        rounded, scale = quantised(weight, (1,))
        values, value_scale, zero = graph.outputs("DynamicQuantizeLinear", [hidden], 3)
        # Weights without a sign, and so with a zero point: on processors without VNNI the product of bytes without and
        # bytes with a sign saturates at 16 bits (onnxruntime, "Quantize ONNX models", when to use U8U8).
        zero_point = graph.constant(WEIGHT_ZERO_POINT, np.uint8)
        weights = graph.constant(rounded.astype(np.int16) + WEIGHT_ZERO_POINT, np.uint8)
        product = graph("MatMulInteger", values, weights, zero, zero_point)
        scales = graph("Mul", value_scale, graph.constant(scale[0]))
        out = graph("Mul", graph("Cast", product, to=onnx.TensorProto.FLOAT), scales)
    else:
        out = graph("MatMul", hidden, graph.weight(weight))
    return out if module.bias is None else graph("Add", out, graph.weight(module.bias))


def layer_norm(graph: Graph, module: nn.Module, hidden: str) -> str:
    """Layer norm over the features."""
    if not isinstance(module, nn.LayerNorm):
        raise TypeError(f"{type(module).__name__} is no layer norm")
    weights = graph.weight(module.weight), graph.weight(module.bias)
    return graph("LayerNormalization", hidden, *weights, axis=-1, epsilon=module.eps)


def multi_head_attention(
    module: MultiHeadAttention, steps: Steps, context: Steps, rotation: Rotation | None = None
) -> str:
    """``MultiHeadAttention``."""
    graph = steps.graph
    width = module.query.out_features
    head_dim = width // module.n_heads

    def heads(values: str) -> str:
        split = graph("Reshape", values, graph.integers(0, 0, module.n_heads, head_dim))
        return graph("Transpose", split, perm=[0, 2, 1, 3])

    queries = heads(linear(module.query, steps))
    halves = graph.outputs("Split", [linear(module.key_value, context), graph.integers(width, width)], 2, axis=2)
    keys, gathered = (heads(half) for half in halves)
    if rotation is not None:
        queries, keys = (_rotated(graph, each, rotation, head_dim) for each in (queries, keys))
    scores = graph("MatMul", queries, graph("Transpose", keys, perm=[0, 1, 3, 2]))
    scaled = graph("Mul", scores, graph.constant(1 / math.sqrt(head_dim)))
    mask = graph("Unsqueeze", graph("Transpose", context.real, perm=[0, 2, 1]), graph.integers(1))
    weights = graph("Softmax", graph("Where", mask, scaled, graph.constant(-np.inf)), axis=-1)
    mixed = graph("Transpose", graph("MatMul", weights, gathered), perm=[0, 2, 1, 3])
    return linear(module.output, steps.with_hidden(graph("Reshape", mixed, graph.integers(0, 0, width))))


def self_attention(module: SelfAttention, steps: Steps, rotation: Rotation | None = None) -> Steps:
    """``SelfAttention``."""
    normalised = steps.with_hidden(layer_norm(steps.graph, module.norm, steps.hidden))
    gathered = multi_head_attention(module.attention, normalised, normalised, rotation)
    return steps.with_hidden(steps.graph("Add", steps.hidden, gathered))


def feed_forward(module: FeedForward, steps: Steps) -> Steps:
    """``FeedForward``."""
    graph = steps.graph
    norm, wide, _, narrow = module.layers
    hidden = linear(wide, steps.with_hidden(layer_norm(graph, norm, steps.hidden)))  # type: ignore[arg-type]
    added = linear(narrow, steps.with_hidden(graph("Gelu", hidden)))  # type: ignore[arg-type]
    return steps.with_hidden(graph("Add", steps.hidden, added))


def encoder(module: Encoder, steps: Steps) -> Steps:
    """``Encoder``."""
    graph = steps.graph
    steps = steps.with_hidden(linear(module.embedding, steps))
    rotation = None
    match module.positional_encoding:
        case "sinusoidal":
            steps = steps.with_hidden(graph("Add", steps.hidden, _sinusoidal(steps, module.n_outputs)))
        case "learned":
            steps = steps.with_hidden(graph("Add", steps.hidden, _learned(module.positions, steps)))
        case _:
            turned = _angles(steps, module.head_dim // 2)
            rotation = graph("Cos", turned), graph("Sin", turned)
    for attention, forward in zip(module.attentions, module.feed_forwards, strict=True):
        steps = self_attention(attention, steps, rotation)  # type: ignore[arg-type]
        steps = feed_forward(forward, steps)  # type: ignore[arg-type]
    return steps.with_hidden(layer_norm(graph, module.norm, steps.hidden))


def _angles(steps: Steps, n_pairs: int) -> str:
    """``positions.angles``: [time, pairs]."""
    graph = steps.graph
    slopes = angles(2, n_pairs, like=torch.zeros(1))[1]
    step = graph("Cast", graph("Unsqueeze", steps.counted, graph.integers(1)), to=onnx.TensorProto.FLOAT)
    return graph("Mul", step, graph.constant(slopes.numpy()))


def _sinusoidal(steps: Steps, n_features: int) -> str:
    graph = steps.graph
    turned = _angles(steps, (n_features + 1) // 2)
    waves = graph("Concat", graph("Sin", turned), graph("Cos", turned), axis=1)
    return graph("Slice", waves, graph.integers(0), graph.integers(n_features), graph.integers(1))


def _rotated(graph: Graph, heads: str, rotation: Rotation, head_dim: int) -> str:
    cosine, sine = rotation
    sizes = [head_dim // 2, head_dim // 2] + ([1] if head_dim % 2 else [])
    first, second, *rest = graph.outputs("Split", [heads, graph.integers(*sizes)], len(sizes), axis=3)
    turned_first = graph("Sub", graph("Mul", first, cosine), graph("Mul", second, sine))
    turned_second = graph("Add", graph("Mul", first, sine), graph("Mul", second, cosine))
    return graph("Concat", turned_first, turned_second, *rest, axis=3)


def _learned(module: LearnedPositions, steps: Steps) -> str:
    """The vectors of ``LearnedPositions``: [batch, time, features]."""
    graph = steps.graph
    last = N_LEARNED_POSITIONS - 1
    to_float, to_whole = {"to": onnx.TensorProto.FLOAT}, {"to": onnx.TensorProto.INT64}
    longest = graph("Max", graph("Sub", steps.n_real, graph.constant(1.0)), graph.constant(float(last)))
    stretch = graph("Div", graph.constant(float(last)), longest)
    places = graph("Mul", graph("Cast", steps.counted, **to_float), stretch)
    places = graph("Min", places, graph.constant(float(last)))
    below = graph("Floor", places)
    between = graph("Unsqueeze", graph("Sub", places, below), graph.integers(2))
    above = graph("Min", graph("Add", below, graph.constant(1.0)), graph.constant(float(last)))
    table = graph.weight(module.table, (0,))
    lower, upper = (graph("Gather", table, graph("Cast", each, **to_whole)) for each in (below, above))
    return graph("Add", lower, graph("Mul", between, graph("Sub", upper, lower)))
