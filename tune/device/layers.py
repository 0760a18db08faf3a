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

from .attention_layers import context_stage, cross_attention, encoder, norm_stage, self_attention
from .maps import LARGEST_BYTE, ONE_IN_GATES, gates_product, linear, norm, numbers, product, scale_of
from .program import Builder, Chain, Part, Stage, Struct, Weights

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
    shortcut = None
    if isinstance(module.shortcut, nn.Linear):
        scale = scale_of(module.convolutions[0].convolution, builder)  # type: ignore[arg-type]
        shortcut = linear(module.shortcut, builder, scale)
    n_features = chain[-1].layer.fields["first"].fields["n_outputs"]
    fields = {
        "shortcut": shortcut,
        "input": first["first"],
        "rows": first["rows"],
        "n_rows": first["n_rows"],
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


def recurrent_layer(module: nn.Module, around: Around, builder: Builder) -> Chain:
    """``RecurrentLayer`` with what stands around it."""
    assert isinstance(module, RecurrentLayer)
    cells = [cell(one, builder) for one in module.cells]
    if len(cells) == 1:
        return [_recurrent(cells[0], around, builder)]
    n_inputs, n_hidden = (cells[0].fields[name] for name in ("n_inputs", "n_hidden"))
    fields = {
        "forwards": cells[0],
        "backwards": cells[1],
        "rows": builder.sequence(builder.longest * n_inputs, "bytes"),
        "given": builder.buffer(n_inputs),
        "behind": builder.buffer(builder.longest * n_hidden, "bytes"),
        **_around_cells(cells[0], around, module.n_outputs, builder),
    }
    gate = fields["around"].fields["gate"]
    # What is carried on past the cells has other scales than what its norm gives to them.
    fields["input"] = cells[0].fields["input"] if gate is None else gate.fields["product"]
    return [Stage("push_bidirectional", "bidirectional", Struct("bidirectional", fields))]


def _recurrent(one: Struct, around: Around, builder: Builder) -> Stage:
    fields = {"cell": one, **_around_cells(one, around, one.fields["n_hidden"], builder)}
    return Stage("push_recurrent", "recurrent", Struct("recurrent", fields))


def _around_cells(one: Struct, around: Around, n_outputs: int, builder: Builder) -> dict[str, Any]:
    beside = {
        "before": None if around.before is None else norm(around.before),
        "after": None if around.after is None else norm(around.after),
        "adds": int(around.adds),
        "gate": None if around.gate is None else linear(around.gate, builder),
        "n_outputs": n_outputs,
        "normalised": None if around.before is None else builder.buffer(one.fields["n_inputs"]),
        "opened": None if around.gate is None else builder.buffer(n_outputs),
    }
    return {
        "around": Struct("around", beside),
        "state": builder.buffer(one.fields["n_state"], "whole"),
        "gates": builder.buffer(len(one.fields["bias"].values), "whole"),
        "out": builder.buffer(n_outputs),
    }


def recurrent_stack(module: RecurrentStack, builder: Builder, after: Pooling | None = None) -> Chain:
    """``RecurrentStack``; with the pooling ``after`` it in one, if that is given."""
    chain: Chain = []
    for index, layer in enumerate(module.layers):
        before = module.norms[index - 1] if index and module.norms else None
        gate = module.highways[index - 1].gate if index and module.highways else None
        if before is not None and gate is None:
            chain.append(norm_stage(before, builder))
            before = None
        if after is not None and layer is module.layers[-1]:
            return [*chain, both_ways(layer, after, builder)]
        chain += recurrent_layer(layer, Around(before=before, gate=gate), builder)  # type: ignore[arg-type]
    return chain


def both_ways(module: nn.Module, after: Pooling, builder: Builder) -> Stage:
    """``RecurrentLayer`` and ``Pooling``, of which each direction has its half."""
    assert isinstance(module, RecurrentLayer)
    half = module.n_outputs // 2
    cells = [cell(one, builder) for one in module.cells]
    n_inputs = cells[0].fields["n_inputs"]
    rows = builder.sequence(builder.longest * n_inputs, "bytes")
    kept = {"rows": rows, "given": builder.buffer(n_inputs), "pooled": builder.buffer(after.n_outputs)}
    chains = []
    for first, one in zip((0, half), cells, strict=True):
        if first:
            builder.next_phase(*kept.values())
        pooling_fields = {
            "n_features": half,
            "n_backwards": 0,
            "score": None,
            "out": Part(kept["pooled"], first),
            "largest": Part(kept["pooled"], module.n_outputs + first) if after.name == "mean_max" else None,
        }
        chains.append([_recurrent(one, Around(), builder), _pooling_stage(after, pooling_fields)])
    fields = {"forwards": chains[0], "backwards": chains[1], "input": cells[0].fields["input"], **kept}
    return Stage("push_both_ways", "both_ways", Struct("both_ways", fields))


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
    *stages, last = network.stages
    for module in stages:
        chain += STAGES[type(module)](module, builder)
    if isinstance(last, RecurrentStack) and _is_pooled_by_halves(last, network.pooling):
        chain += recurrent_stack(last, builder, network.pooling)
    else:
        chain += [*STAGES[type(last)](last, builder), pooling(network.pooling, builder)]
    logits = builder.buffer(network.n_classes)
    builder.longest = builder.window = 1
    head = network.head[1]
    chain.append(Stage("push_head", "head", Struct("head", {"map": linear(head, builder), "logits": logits})))
    return chain, logits


def _is_pooled_by_halves(stack: RecurrentStack, after: Pooling) -> bool:
    """Whether no step needs what both directions put out there."""
    return len(stack.layers[-1].cells) == 2 and not stack.highways and after.name != "attention"  # type: ignore[arg-type]


def pooling(module: Pooling, builder: Builder) -> Stage:
    """``Pooling``."""
    n_features = module.n_outputs // (2 if module.name == "mean_max" else 1)
    score = Weights(numbers(module.score.weight)[0]) if module.name == "attention" else None
    if score is not None:
        builder.work(n_features)
    # Attention keeps two numbers more than it puts out.
    out = builder.buffer(module.n_outputs + 2 * (score is not None))
    fields = {
        "n_features": n_features,
        "n_backwards": n_features // 2 if module.bidirectional else 0,
        "score": score,
        "out": out,
        "largest": Part(out, n_features) if module.name in ("mean_max", "attention") else None,
    }
    return _pooling_stage(module, fields)


def _pooling_stage(module: Pooling, fields: dict[str, Any]) -> Stage:
    return Stage(f"push_{module.name}_pooling", f"{module.name}_pooling", Struct("pooling", fields))
