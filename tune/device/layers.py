"""Every layer that the architectures are made of, as calls of the C runtime; each function mirrors a ``forward``.

A module that has no function here cannot be written as C, which ``untranslated`` tells before work begins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor, nn

from models import SequenceClassifier
from models.attention import SelfAttention
from models.conv_gru import ConvolutionAndPool
from models.deep_gru import NormalisedStack
from models.enhanced_bilstm import CrossResolution, InputDropout
from models.front import ConvolutionalFront, ConvolutionalLayer, folded
from models.pooling import Pooling
from models.recurrent import RecurrentLayer, RecurrentStack
from models.temporal_cnn import ResidualBlock
from models.transformer import Encoder

from .attention_layers import context_stage, cross_attention, encoder, self_attention
from .maps import LARGEST_BYTE, ONE_IN_GATES, gates_product, linear, norm, numbers, product, scale_of
from .program import Builder, Chain, Stage, Struct, Weights

# What recurrent cells put out lies between -1 and 1.
SCALE_OF_STATE = 1 / LARGEST_BYTE


def front(module: ConvolutionalFront, builder: Builder) -> Chain:
    """``ConvolutionalFront``."""
    return [stage for layer in module.layers for stage in convolutional_layer(layer, builder)]


def convolutional_layer(module: nn.Module, builder: Builder) -> Chain:
    """``ConvolutionalLayer``; batch norm is multiplied into the convolution."""
    assert isinstance(module, ConvolutionalLayer)
    weight, bias = folded(module)
    after = module.norm if isinstance(module.norm, nn.LayerNorm) else None
    return [_convolution(module.convolution, weight, bias, after, builder)]


def convolution_and_pool(module: ConvolutionAndPool, builder: Builder) -> Chain:
    """``ConvolutionAndPool``."""
    bias = module.convolution.bias
    if bias is None:
        raise TypeError("a convolution without bias")
    chain = [_convolution(module.convolution, module.convolution.weight, bias, None, builder)]
    n_features = module.convolution.out_channels
    fields = {"n_features": n_features, "size": module.pool_size, "out": builder.buffer(n_features)}
    builder.shorten(module.pool_size)
    return [*chain, Stage("push_largest", "largest", Struct("largest", fields))]


def _convolution(
    module: nn.Conv1d, weight: Tensor, bias: Tensor, after: nn.LayerNorm | None, builder: Builder
) -> Stage:
    """``runtime/convolution.c``, which keeps as many steps as it sees, or the whole sequence if that is shorter."""
    n_outputs, n_inputs, n_taps = weight.shape
    stride, dilation = int(module.stride[0]), int(module.dilation[0])
    matrices = product(numbers(weight), builder, scale_of(module, builder))
    n_rows = min(dilation * (n_taps - 1) + 1, builder.longest)
    fields = {
        "first": matrices,
        "bias": Weights(numbers(bias)),
        "norm": None if after is None else norm(after),
        "n_taps": n_taps,
        "tap_size": n_inputs * n_outputs,
        "stride": stride,
        "dilation": dilation,
        "rows": builder.buffer(n_rows * n_inputs, "bytes"),
        "n_rows": n_rows,
        "out": builder.buffer(n_outputs),
    }
    builder.shorten(stride)
    builder.work(n_taps * n_inputs * n_outputs)
    return Stage("push_convolution", "convolution", Struct("convolution", fields))


def residual_block(module: ResidualBlock, builder: Builder) -> Chain:
    """``ResidualBlock``; the step that went in is the oldest that the first convolution still has."""
    chain = [stage for convolution in module.convolutions for stage in convolutional_layer(convolution, builder)]
    if not module.residual:
        return chain
    first = chain[0].layer.fields
    scale = scale_of(module.convolutions[0].convolution, builder)  # type: ignore[arg-type]
    shortcut = linear(module.shortcut, builder, scale) if isinstance(module.shortcut, nn.Linear) else None
    n_features = chain[-1].layer.fields["first"].fields["n_outputs"]
    fields = {
        "shortcut": shortcut,
        "rows": first["rows"],
        "scale": scale,
        "n_rows": first["n_rows"],
        "n_inputs": first["first"].fields["n_inputs"],
        "n_features": n_features,
        "out": builder.buffer(n_features),
    }
    return [*chain, Stage("push_residual", "residual", Struct("residual", fields))]


def cell(module: nn.Module, builder: Builder) -> Struct:
    """One of torch's recurrent cells."""
    assert isinstance(module, nn.RNNBase)
    size = module.hidden_size
    inputs, recurrent = (numbers(getattr(module, f"weight_{name}_l0")) for name in ("ih", "hh"))
    own, other = (numbers(getattr(module, f"bias_{name}_l0")) for name in ("ih", "hh"))
    name, bias, n_state = "rnn", own + other, size
    if isinstance(module, nn.GRU):
        # Where the reset gate acts on what the state says, the two parts of the new state stand apart (torch.nn.GRU).
        name, inputs = "gru", np.roll(inputs, size, axis=0)
        bias = np.concatenate([own[2 * size :], (own + other)[: 2 * size], other[2 * size :]])
    elif isinstance(module, nn.LSTM):
        name, n_state = "lstm", 2 * size
    builder.sources.add(name)
    builder.work(len(recurrent) * (module.input_size + size))
    fields = {
        "step": f"step_{name}",
        "input": gates_product(inputs, builder, scale_of(module, builder)),
        "recurrent": gates_product(recurrent, builder, SCALE_OF_STATE),
        "bias": Weights(bias),
        "n_inputs": module.input_size,
        "n_hidden": size,
        "n_state": n_state,
    }
    if builder.scales is not None:
        fields |= {"bias": Weights(np.rint(bias * ONE_IN_GATES).astype(np.int32)), "n_gates": len(bias)}
    return Struct("cell", fields)


@dataclass(frozen=True)
class Around:
    """What stands around a recurrent layer.

    Attributes:
        before: Norm of what goes in.
        after: Norm of what comes out.
        adds: Whether what went in is added.
        gate: Of a ``Highway``.
    """

    before: nn.Module | None = None
    after: nn.Module | None = None
    adds: bool = False
    gate: nn.Module | None = None


def recurrent_layer(module: nn.Module, around: Around, builder: Builder, ends: bool = False) -> Chain:
    """``RecurrentLayer``; with ``ends`` only the ends of the reading are wanted, and those of every step not kept."""
    assert isinstance(module, RecurrentLayer)
    cells = [cell(one, builder) for one in module.cells]
    fields = cells[0].fields
    two = len(cells) == 2
    in_bytes = two and builder.scales is not None and around == Around(after=around.after)
    rows = builder.sequence(builder.longest * fields["n_inputs"], "bytes" if in_bytes else "numbers") if two else None
    after = None if around.after is None else norm(around.after)
    beside = {
        "before": None if around.before is None else norm(around.before),
        "after": after,
        "adds": int(around.adds),
        "gate": None if around.gate is None else linear(around.gate, builder),
        "n_outputs": module.n_outputs,
        "normalised": None if around.before is None else builder.buffer(fields["n_inputs"]),
        "opened": None if around.gate is None else builder.buffer(module.n_outputs),
    }
    memory: dict[str, Any] = {
        **({"after": after} if in_bytes else {"around": Struct("around", beside)}),
        "state": builder.buffer(fields["n_state"], "whole"),
        "gates": builder.buffer(len(fields["bias"].values), "whole"),
        "out": builder.buffer(module.n_outputs),
    }
    if rows is None:
        return [Stage("push_recurrent", "recurrent", Struct("recurrent", {"cell": cells[0], **memory}))]
    n_behind = 1 if ends else builder.longest
    behind = builder.buffer(n_behind * fields["n_hidden"], "bytes" if in_bytes else "numbers")
    memory |= {"rows": rows, "behind": behind, "n_behind": n_behind}
    kind = "bidirectional_int8" if in_bytes else "bidirectional"
    return [Stage(f"push_{kind}", kind, Struct(kind, {"forwards": cells[0], "backwards": cells[1], **memory}))]


def recurrent_stack(module: RecurrentStack, builder: Builder, ends: bool = False) -> Chain:
    """``RecurrentStack``."""
    chain: Chain = []
    for index, layer in enumerate(module.layers):
        before = module.norms[index - 1] if index and module.norms else None
        gate = module.highways[index - 1].gate if index and module.highways else None
        around = Around(before=before, gate=gate)  # type: ignore[arg-type]
        chain += recurrent_layer(layer, around, builder, ends and layer is module.layers[-1])
    return chain


def normalised_stack(module: NormalisedStack, builder: Builder) -> Chain:
    """``NormalisedStack``."""
    chain: Chain = []
    for index, (layer, after) in enumerate(zip(module.layers, module.norms, strict=True)):
        chain += recurrent_layer(layer, Around(after=after, adds=index > 0), builder)
    return chain


def cross_resolution(module: CrossResolution, builder: Builder) -> Chain:
    """``CrossResolution``: the half-rate branch is through before the full rate is read."""
    n_features = module.half_rate.layers[0].cells[0].input_size  # type: ignore[union-attr, index]
    here = builder.phase, builder.longest, builder.window
    alive = [one for one in builder.buffers if one.last == builder.phase]
    mean = builder.buffer(int(n_features))
    builder.shorten(2)
    branch = recurrent_stack(module.half_rate, builder)
    ending, attention, context = context_stage(module.attention, builder)
    for one in (*alive, mean):
        one.last = builder.latest
    builder.phase, builder.longest, builder.window = here
    halves = Struct("halves", {"branch": [*branch, ending], "n_features": int(n_features), "mean": mean})
    full = recurrent_stack(module.full_rate, builder)
    ending = cross_attention(module, attention, builder)
    context.last = builder.phase
    return [Stage("push_halves", "halves", halves), *full, ending]


def nothing(module: nn.Module, builder: Builder) -> Chain:
    """What does something in training only."""
    return []


# A stage that is added to ``models`` is added here.
STAGES: dict[type[nn.Module], Callable[[Any, Builder], Chain]] = {
    ConvolutionalFront: front,
    ConvolutionAndPool: convolution_and_pool,
    RecurrentStack: recurrent_stack,
    NormalisedStack: normalised_stack,
    CrossResolution: cross_resolution,
    SelfAttention: self_attention,
    Encoder: encoder,
    ResidualBlock: residual_block,
    InputDropout: nothing,
}


def untranslated(network: SequenceClassifier) -> list[str]:
    """Kinds of stages of a network that have no translation; empty where it can be written as C."""
    usual = (SequenceClassifier.forward, SequenceClassifier.embed)
    own = {type(network).__name__} if (type(network).forward, type(network).embed) != usual else set()
    return sorted(own | {type(one).__name__ for one in network.stages if type(one) not in STAGES})


def network_chain(network: SequenceClassifier, builder: Builder) -> tuple[Chain, Any]:
    """``SequenceClassifier.forward``: its layers, and the buffer of its logits."""
    chain: Chain = []
    stages = list(network.stages)
    for module in stages:
        ends = module is stages[-1] and network.pooling.name == "last"
        if isinstance(module, RecurrentStack):
            chain += recurrent_stack(module, builder, ends)
        else:
            chain += STAGES[type(module)](module, builder)
    chain.append(pooling(network.pooling, builder))
    logits = builder.buffer(network.n_classes)
    builder.longest = builder.window = 1
    head = network.head[1]
    chain.append(Stage("push_head", "head", Struct("head", {"map": linear(head, builder), "logits": logits})))
    return chain, logits


def pooling(module: Pooling, builder: Builder) -> Stage:
    """``Pooling``."""
    n_features = module.n_outputs // (2 if module.name == "mean_max" else 1)
    score = Weights(numbers(module.score.weight)[0]) if module.name == "attention" else None
    if score is not None:
        builder.work(n_features)
    fields = {
        "n_features": n_features,
        "n_backwards": n_features // 2 if module.bidirectional else 0,
        "score": score,
        # Attention keeps two numbers more than it puts out.
        "out": builder.buffer(module.n_outputs + 2 * (score is not None)),
    }
    return Stage(f"push_{module.name}_pooling", f"{module.name}_pooling", Struct("pooling", fields))
