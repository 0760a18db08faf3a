"""Who attends to whom: the weights of every attention, computed again from what it was given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from models import SequenceClassifier
from models.attention import MultiHeadAttention
from models.masks import step_mask
from models.pooling import Pooling
from models.positions import Rotation, rotated


class AttentionMap(NamedTuple):
    """The weights of one attention.

    Attributes:
        weights: For each head and step that asks, a distribution over the steps that answer.
        asking: Real steps that ask, of each sequence.
        answering: Real steps that answer, of each sequence.
    """

    name: str
    weights: Float[Tensor, "batch heads time context_time"]
    asking: Int[Tensor, " batch"]
    answering: Int[Tensor, " batch"]


def attention_weights(
    attention: MultiHeadAttention,
    values: Float[Tensor, "batch time features"],
    context: Float[Tensor, "batch context_time context_features"],
    real: Bool[Tensor, "batch context_time 1"],
    rotation: Rotation | None = None,
) -> Float[Tensor, "batch heads time context_time"]:
    """What ``attention`` weighs its context by (Vaswani et al. 2017, equation 1); arguments as of its ``forward``."""
    queries = attention._heads(attention.query(values))
    keys = attention._heads(attention.key_value(context).chunk(2, dim=-1)[0])
    if rotation is not None:
        queries, keys = rotated(queries, rotation), rotated(keys, rotation)
    scores = queries @ keys.transpose(2, 3) / queries.shape[-1] ** 0.5
    weights: Tensor = scores.masked_fill(~real.transpose(1, 2)[:, None], -torch.inf).softmax(dim=-1)
    return weights


@torch.no_grad()
def attention_maps(
    network: SequenceClassifier, values: Float[Tensor, "batch time channels"], lengths: Int[Tensor, " batch"]
) -> list[AttentionMap]:
    """The weights of every attention of a network, that of its pooling last; none where it has none."""
    network.eval()
    with _given(network) as calls:
        network.embed(values, lengths)
    found: list[AttentionMap] = []
    last_lengths = lengths
    for module, given in calls:
        if isinstance(module, MultiHeadAttention):
            asked, context, real, rotation = (*given, None)[:4]
            answering = real[..., 0].sum(dim=1)
            # A context of the same length is the sequence itself; the half-rate branch's is shorter.
            asking = answering if context.shape[1] == asked.shape[1] else None
            weights = attention_weights(module, asked, context, real, rotation)
            found.append(AttentionMap("", weights, asking if asking is not None else lengths, answering))
        elif isinstance(module, Pooling) and module.name == "attention":
            hidden, last_lengths = given
            scores = module.score(hidden).masked_fill(~step_mask(last_lengths, hidden.shape[1]), -torch.inf)
            weights = scores.softmax(dim=1).transpose(1, 2)[:, None]  # [B, 1, 1, T]
            one = torch.ones_like(last_lengths)
            found.append(AttentionMap("attention pooling", weights, one, last_lengths))
        else:
            last_lengths = given[1] if len(given) > 1 else last_lengths
    return _named(found, last_lengths)


def _named(found: list[AttentionMap], last_lengths: Tensor) -> list[AttentionMap]:
    named, n_own = [], 0
    for one in found:
        if one.name:
            named.append(one)
        elif one.weights.shape[2] != one.weights.shape[3]:
            # Asked at the full rate, which is that of the layers after it.
            named.append(one._replace(name="attention to the half-rate branch", asking=last_lengths))
        else:
            n_own += 1
            named.append(one._replace(name=f"self-attention {n_own}"))
    return named


@contextmanager
def _given(network: SequenceClassifier) -> Iterator[list[tuple[nn.Module, tuple[Any, ...]]]]:
    """Collects what every attention and the pooling are given while the network runs inside."""
    calls: list[tuple[nn.Module, tuple[Any, ...]]] = []

    def note(module: nn.Module, given: tuple[Any, ...]) -> None:
        calls.append((module, given))

    kinds = (MultiHeadAttention, Pooling)
    handles = [module.register_forward_pre_hook(note) for module in network.modules() if isinstance(module, kinds)]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


def reach(found: AttentionMap) -> float:
    """Mean distance between a step and those it attends to, as a share of the sequence; of steps that ask and answer.

    Even attention over a long sequence has one third.
    """
    total, n_sequences = 0.0, 0
    for weights, asking, answering in zip(found.weights, found.asking.tolist(), found.answering.tolist(), strict=True):
        if answering < 2 or asking < 2:
            continue
        own = weights[:, :asking, :answering]
        here = torch.linspace(0, 1, asking)[:, None]
        there = torch.linspace(0, 1, answering)[None]
        total += float((own * (here - there).abs()).sum(dim=2).mean())
        n_sequences += 1
    return total / max(n_sequences, 1)


def spread(found: AttentionMap) -> float:
    """How evenly attention is spread: entropy of the weights as a share of its largest, 0 one step and 1 all alike."""
    shares = []
    for weights, asking, answering in zip(found.weights, found.asking.tolist(), found.answering.tolist(), strict=True):
        if answering > 1:
            own = weights[:, :asking, :answering]
            entropy = -(own * own.clamp_min(1e-12).log()).sum(dim=2).mean()
            shares.append(float(entropy / torch.tensor(float(answering)).log()))
    return sum(shares) / max(len(shares), 1)
