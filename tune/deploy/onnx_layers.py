"""Every layer that the architectures are made of, as ONNX operators; each function mirrors a ``forward`` in ``models``.

A module that has no function here cannot be exported, which ``untranslated`` tells before work begins.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from torch import Tensor, nn

from models import SequenceClassifier
from models.attention import SelfAttention
from models.conv_gru import ConvolutionAndPool
from models.deep_gru import NormalisedStack
from models.enhanced_bilstm import CrossResolution, InputDropout
from models.ensemble import Ensemble
from models.front import ConvolutionalFront, ConvolutionalLayer, folded
from models.minirocket import KERNEL_SIZE, LARGEST_VALUE, N_KERNELS, KernelFeatures
from models.recurrent import RecurrentLayer, RecurrentStack
from models.temporal_cnn import ResidualBlock
from models.transformer import Encoder

from .onnx_attention import encoder, layer_norm, linear, multi_head_attention, self_attention
from .onnx_graph import Array, Graph, Steps

# Gates of torch's cells in the order in which ONNX has them: GRU r z n -> z r h, LSTM i f g o -> i o f c.
CELLS: dict[type[nn.RNNBase], tuple[str, tuple[int, ...], dict[str, Any]]] = {
    nn.RNN: ("RNN", (0,), {}),
    nn.GRU: ("GRU", (1, 0, 2), {"linear_before_reset": 1}),
    nn.LSTM: ("LSTM", (0, 3, 1, 2), {}),
}


def stage(module: nn.Module, steps: Steps) -> Steps:
    """What a stage of a network makes of padded sequences."""
    return STAGES[type(module)](module, steps)


def front(module: ConvolutionalFront, steps: Steps) -> Steps:
    """``ConvolutionalFront``."""
    for layer in module.layers:
        steps = stage(layer, steps)
    return steps


def convolutional_layer(module: ConvolutionalLayer, steps: Steps) -> Steps:
    """``ConvolutionalLayer``; batch norm is multiplied into the convolution."""
    graph = steps.graph
    hidden = _convolution(graph, module.convolution, *folded(module), steps.hidden)
    steps = steps.shortened(hidden, module.stride)
    if isinstance(module.norm, nn.LayerNorm):
        steps = steps.with_hidden(layer_norm(graph, module.norm, steps.hidden))
    return steps.with_hidden(graph("Mul", graph("Relu", steps.hidden), steps.weights))


def convolution_and_pool(module: ConvolutionAndPool, steps: Steps) -> Steps:
    """``ConvolutionAndPool``."""
    graph, convolution = steps.graph, module.convolution
    if convolution.bias is None:
        raise TypeError("a convolution without bias")
    hidden = _convolution(graph, convolution, convolution.weight, convolution.bias, steps.hidden)
    kept = graph("Mul", graph("Relu", hidden), steps.weights)
    size = [module.pool_size]
    pooled = graph("MaxPool", _turned(graph, kept), kernel_shape=size, strides=size, ceil_mode=1)
    return steps.shortened(_turned(graph, pooled), module.pool_size)


def _convolution(graph: Graph, module: nn.Conv1d, weight: Tensor, bias: Tensor, hidden: str) -> str:
    padding = int(module.padding[0])
    out = graph(
        "Conv",
        _turned(graph, hidden),
        graph.weight(weight, (0,)),
        graph.weight(bias),
        kernel_shape=list(module.kernel_size),
        strides=list(module.stride),
        pads=[padding, padding],
        dilations=list(module.dilation),
    )
    return _turned(graph, out)


def _turned(graph: Graph, hidden: str) -> str:
    return graph("Transpose", hidden, perm=[0, 2, 1])


def recurrent_layer(module: RecurrentLayer, steps: Steps) -> Steps:
    """``RecurrentLayer``: one operator, which reverses every sequence within its own length."""
    graph = steps.graph
    cells: list[Any] = list(module.cells)
    operator, order, attributes = CELLS[type(cells[0])]
    size = cells[0].hidden_size

    def gates(name: str) -> Array:
        blocks = [getattr(cell, name).detach().numpy().reshape(len(order), size, -1) for cell in cells]
        return np.stack([block[list(order)].reshape(len(order) * size, -1) for block in blocks])

    biases = np.concatenate([gates("bias_ih_l0"), gates("bias_hh_l0")], axis=1)[:, :, 0]
    two = len(cells) == 2
    # Reading forwards, no real step has seen the padding behind it.
    lengths = graph("Cast", steps.lengths, to=onnx.TensorProto.INT32) if two else ""
    hidden = graph.outputs(
        operator,
        [
            graph("Transpose", steps.hidden, perm=[1, 0, 2]),
            graph.weight(gates("weight_ih_l0"), (0, 1)),
            graph.weight(gates("weight_hh_l0"), (0, 1)),
            graph.weight(biases),
            *([lengths] if two else []),
        ],
        1,
        hidden_size=size,
        direction="bidirectional" if two else "forward",
        **attributes,
    )[0]  # [T, directions, B, H]
    ordered = graph("Transpose", hidden, perm=[2, 0, 1, 3])
    return steps.with_hidden(graph("Reshape", ordered, graph.integers(0, 0, module.n_outputs)))


def recurrent_stack(module: RecurrentStack, steps: Steps) -> Steps:
    """``RecurrentStack``."""
    steps = recurrent_layer(module.layers[0], steps)  # type: ignore[arg-type]
    for index, layer in enumerate(module.layers[1:]):
        normalised = steps
        if module.norms:
            normalised = steps.with_hidden(layer_norm(steps.graph, module.norms[index], steps.hidden))
        deeper = stage(layer, normalised)
        steps = highway(module.highways[index], steps, deeper) if module.highways else deeper
    return steps


def highway(module: nn.Module, carried: Steps, renewed: Steps) -> Steps:
    """``Highway``."""
    graph = carried.graph
    gate = graph("Sigmoid", linear(module.gate, carried))  # type: ignore[arg-type]
    change = graph("Mul", gate, graph("Sub", renewed.hidden, carried.hidden))
    return carried.with_hidden(graph("Add", carried.hidden, change))


def normalised_stack(module: NormalisedStack, steps: Steps) -> Steps:
    """``NormalisedStack``."""
    graph = steps.graph
    for index, (layer, norm) in enumerate(zip(module.layers, module.norms, strict=True)):
        hidden = layer_norm(graph, norm, stage(layer, steps).hidden)
        steps = steps.with_hidden(hidden if index == 0 else graph("Add", steps.hidden, hidden))
    return steps


def cross_resolution(module: CrossResolution, steps: Steps) -> Steps:
    """``CrossResolution``."""
    graph = steps.graph
    full = stage(module.full_rate, steps)
    slower = stage(module.half_rate, halved(steps))
    normalised = full.with_hidden(layer_norm(graph, module.norm, full.hidden))
    return full.with_hidden(graph("Add", full.hidden, multi_head_attention(module.attention, normalised, slower)))


def halved(steps: Steps) -> Steps:
    """``enhanced_bilstm.halved``: averages of every two real steps."""
    graph = steps.graph
    odd = graph("Mod", graph("Unsqueeze", steps.time, graph.integers(0)), graph.integers(2))
    pads = graph("Concat", graph.integers(0, 0, 0, 0), odd, graph.integers(0), axis=0)

    def sums_of_two(values: str) -> str:
        shape = graph("Concat", graph.integers(0, -1, 2), graph("Shape", values, start=2, end=3), axis=0)
        pairs = graph("Reshape", graph("Pad", values, pads), shape)
        return graph("ReduceSum", pairs, graph.integers(2), keepdims=0)

    sums = sums_of_two(graph("Mul", steps.hidden, steps.weights))
    n_real = graph("Max", sums_of_two(steps.weights), graph.constant(1.0))
    return steps.shortened(graph("Div", sums, n_real), 2)


def residual_block(module: ResidualBlock, steps: Steps) -> Steps:
    """``ResidualBlock``."""
    hidden = steps
    for convolution in module.convolutions:
        hidden = stage(convolution, hidden)
    if not module.residual:
        return hidden
    carried = linear(module.shortcut, steps) if isinstance(module.shortcut, nn.Linear) else steps.hidden
    return hidden.with_hidden(steps.graph("Relu", steps.graph("Add", carried, hidden.hidden)))


def kernel_features(module: KernelFeatures, steps: Steps) -> Steps:
    """``KernelFeatures``; kernels stand as [kernel // 2, kernel % 2], since every other one leaves the ends out."""
    graph, before = steps.graph, 0
    limited = graph("Min", graph("Max", steps.hidden, graph.constant(-LARGEST_VALUE)), graph.constant(LARGEST_VALUE))
    resolution, impossible = graph.constant(module.resolution), graph.constant(-np.inf)
    values = _turned(graph, graph("Div", graph("Round", graph("Mul", limited, resolution)), resolution))
    ends = graph("Unsqueeze", steps.lengths, graph.integers(1, 2, 3))
    nowhere = graph("Sub", ends, ends)
    shares = []
    for index, (dilation, n_biases) in enumerate(zip(module.dilations, module.n_biases, strict=True)):
        reach = dilation * (KERNEL_SIZE // 2)
        fits = graph("Less", graph.constant(2 * reach, np.int64), ends)
        inset = graph("Where", fits, graph.constant(reach, np.int64), nowhere)
        insets = graph("Concat", *((nowhere, inset) if index % 2 == 0 else (inset, nowhere)), axis=2)  # [B, 1, 2, 1]
        until = graph("Sub", ends, insets)
        responses = graph(
            "Conv", values, graph.weight(module.weights(index)), kernel_shape=[KERNEL_SIZE], pads=[reach, reach],
            dilations=[dilation],
        )  # fmt: skip
        paired = graph("Reshape", responses, graph.integers(0, N_KERNELS // 2, 2, -1))
        kept = graph("Where", graph("Less", steps.counted, until), paired, impossible)
        kept = graph("Where", graph("Less", steps.counted, insets), impossible, kept)
        after = before + N_KERNELS * n_biases
        biases = module.biases[before:after].view(N_KERNELS // 2, 2, n_biases)
        counts = [
            graph("ReduceSum", graph("Cast", above, to=onnx.TensorProto.FLOAT), graph.integers(3), keepdims=1)
            for above in (graph("Less", graph.weight(biases[..., k : k + 1]), kept) for k in range(n_biases))
        ]
        n_counted = graph("Cast", graph("Sub", until, insets), to=onnx.TensorProto.FLOAT)
        share = graph("Div", graph("Concat", *counts, axis=3), n_counted)
        shares.append(graph("Reshape", share, graph.integers(0, 1, N_KERNELS * n_biases)))
        before = after
    return Steps(graph, graph("Concat", *shares, axis=2), graph("Div", steps.lengths, steps.lengths))


def unchanged(module: nn.Module, steps: Steps) -> Steps:
    """What does something in training only."""
    return steps


# A stage that is added to ``models`` is added here.
STAGES: dict[type[nn.Module], Callable[[Any, Steps], Steps]] = {
    ConvolutionalFront: front,
    ConvolutionalLayer: convolutional_layer,
    ConvolutionAndPool: convolution_and_pool,
    RecurrentLayer: recurrent_layer,
    RecurrentStack: recurrent_stack,
    NormalisedStack: normalised_stack,
    CrossResolution: cross_resolution,
    SelfAttention: self_attention,
    Encoder: encoder,
    ResidualBlock: residual_block,
    InputDropout: unchanged,
    KernelFeatures: kernel_features,
}


def untranslated(network: SequenceClassifier) -> list[str]:
    """Kinds of stages of a network that have no translation; empty where it can be exported."""
    networks = network.networks if isinstance(network, Ensemble) else [network]
    # One with a way of its own through its stages has no translation either.
    usual = (SequenceClassifier.forward, SequenceClassifier.embed)
    own = {type(one).__name__ for one in networks if (type(one).forward, type(one).embed) != usual}
    return sorted(own | {type(one).__name__ for each in networks for one in each.stages if type(one) not in STAGES})
