"""Attention, positions and feed-forward layers as calls of the C runtime; each function mirrors a ``forward``."""

from __future__ import annotations

import torch
from torch import nn

from models.attention import MultiHeadAttention, SelfAttention
from models.enhanced_bilstm import CrossResolution
from models.positions import N_LEARNED_POSITIONS, angles
from models.transformer import Encoder, FeedForward

from .maps import linear, norm, numbers
from .program import Buffer, Builder, Chain, Stage, Struct, Weights


def _attention(module: MultiHeadAttention, builder: Builder, key_value: Struct, slopes: Weights | None) -> Struct:
    """``MultiHeadAttention``; what gathers is set once it is known when."""
    width = module.query.out_features
    fields = {
        "query": None,
        "key_value": key_value,
        "output": None,
        "n_heads": module.n_heads,
        "head_dim": width // module.n_heads,
        "slopes": slopes,
        "context": builder.buffer(builder.longest * 2 * width),
        "asking": None,
        "mixed": None,
        "scores": None,
    }
    return Struct("attention", fields)


def _asks(attention: Struct, module: MultiHeadAttention, builder: Builder, n_context: int, window: int) -> None:
    """Completes an attention in the phase in which steps gather from ``n_context`` others, of a window ``window``."""
    width = module.query.out_features
    attention.fields |= {
        "query": linear(module.query, builder),
        "output": linear(module.output, builder),
        "asking": builder.buffer(width),
        "mixed": builder.buffer(width),
        "scores": builder.buffer(n_context),
    }
    builder.work(2 * window * width)


def self_attention(module: SelfAttention, builder: Builder, slopes: Weights | None = None) -> Chain:
    """``SelfAttention``."""
    n_features = module.attention.query.in_features
    attention = _attention(module.attention, builder, linear(module.attention.key_value, builder), slopes)
    context: Buffer = attention.fields["context"]
    normalised = builder.buffer(n_features)
    rows = builder.sequence(builder.longest * n_features)
    context.last = normalised.last = rows.last
    _asks(attention, module.attention, builder, builder.longest, builder.window)
    fields = {
        "norm": norm(module.norm),
        "attention": attention,
        "rows": rows,
        "normalised": normalised,
        "out": builder.buffer(n_features),
    }
    return [Stage("push_self_attention", "self_attention", Struct("self_attention", fields))]


def context_stage(module: MultiHeadAttention, builder: Builder) -> tuple[Stage, Struct, Buffer]:
    """The end of a branch that others gather from: the stage, the attention to complete, and what lives until then."""
    attention = _attention(module, builder, linear(module.key_value, builder), None)
    return Stage("push_context", "cross_attention", attention), attention, attention.fields["context"]


def cross_attention(module: CrossResolution, attention: Struct, builder: Builder) -> Stage:
    """The end of ``CrossResolution``."""
    half, halved_window = -(-builder.longest // 2), -(-builder.window // 2)
    _asks(attention, module.attention, builder, half, halved_window)
    n_features = module.attention.query.in_features
    fields = {
        "norm": norm(module.norm),
        "attention": attention,
        "normalised": builder.buffer(n_features),
        "out": builder.buffer(n_features),
    }
    return Stage("push_cross_attention", "cross_attention", Struct("cross_attention", fields))


def encoder(module: Encoder, builder: Builder) -> Chain:
    """``Encoder``."""
    n_features = module.n_outputs
    fields = {"map": linear(module.embedding, builder), "out": builder.buffer(n_features)}
    chain = [Stage("push_linear", "linear_stage", Struct("linear_stage", fields))]
    slopes = None
    match module.positional_encoding:
        case "sinusoidal":
            n_slopes = (n_features + 1) // 2
            sizes = {"n_slopes": n_slopes, "n_features": n_features, "out": builder.buffer(n_features)}
            waves = Struct("sinusoidal", {"slopes": _slopes(n_slopes), **sizes})
            chain.append(Stage("push_sinusoidal", "sinusoidal", waves))
        case "learned":
            n_rows = N_LEARNED_POSITIONS if builder.longest > N_LEARNED_POSITIONS else builder.longest
            table = Weights(numbers(module.positions.table)[:n_rows].reshape(-1))
            sizes = {"n_rows": n_rows, "n_features": n_features, "out": builder.buffer(n_features)}
            positions = Struct("learned_positions", {"table": table, **sizes})
            chain.append(Stage("push_learned_positions", "learned_positions", positions))
        case _:
            slopes = _slopes(module.head_dim // 2)
    for attention, forward in zip(module.attentions, module.feed_forwards, strict=True):
        chain += self_attention(attention, builder, slopes)  # type: ignore[arg-type]
        chain.append(_feed_forward(forward, builder))
    return [*chain, norm_stage(module.norm, builder)]


def norm_stage(module: nn.Module, builder: Builder) -> Stage:
    """``nn.LayerNorm`` of every step."""
    after = norm(module)
    fields = {"norm": after, "out": builder.buffer(after.fields["n_features"])}
    return Stage("push_norm", "norm_stage", Struct("norm_stage", fields))


def _slopes(n_pairs: int) -> Weights:
    """Radians a step; see ``positions.angles``."""
    return Weights(numbers(angles(2, n_pairs, like=torch.zeros(1))[1]))


def _feed_forward(module: nn.Module, builder: Builder) -> Stage:
    """``FeedForward``."""
    assert isinstance(module, FeedForward)
    before, wide, _, narrow = module.layers
    assert isinstance(wide, nn.Linear)
    assert isinstance(narrow, nn.Linear)
    wide_map, narrow_map = linear(wide, builder), linear(narrow, builder)
    n_features = narrow.out_features
    fields = {
        "norm": norm(before),
        "wide": wide_map,
        "narrow": narrow_map,
        "normalised": builder.buffer(n_features),
        "hidden": builder.buffer(wide.out_features),
        "out": builder.buffer(n_features),
    }
    return Stage("push_feed_forward", "feed_forward", Struct("feed_forward", fields))
