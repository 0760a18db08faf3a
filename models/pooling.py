"""From one vector a step to one vector a sequence; only real steps count, and padding may hold any finite value."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from .checks import choice
from .masks import step_mask

POOLINGS = ("last", "mean", "max", "mean_max", "attention")


class Pooling(nn.Module):
    """One of ``POOLINGS``, with the parameters it needs: none but for ``attention``.

    Args:
        name: Which.
        n_features: Features of a step.
        bidirectional: Whether the second half of the features was computed from the end to the beginning; ``last``
            takes that half's own end, the first step.

    Attributes:
        n_outputs: Features of a sequence: those of a step, twice as many for ``mean_max``.
    """

    def __init__(self, name: str, n_features: int, bidirectional: bool = False) -> None:
        super().__init__()
        choice("pooling", name, POOLINGS)
        self.name = name
        self.bidirectional = bidirectional
        self.n_outputs = 2 * n_features if name == "mean_max" else n_features
        if name == "attention":
            # No bias: the softmax over time would cancel it.
            self.score = nn.Linear(n_features, 1, bias=False)

    def forward(
        self, hidden: Float[Tensor, "batch time features"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch outputs"]:
        """Pools each sequence over its real steps, 0..lengths-1; each length in 1..time."""
        match self.name:
            case "last":
                return last_pool(hidden, lengths, self.bidirectional)
            case "mean":
                return mean_pool(hidden, lengths)
            case "max":
                return max_pool(hidden, lengths)
            case "mean_max":
                return torch.cat([mean_pool(hidden, lengths), max_pool(hidden, lengths)], dim=-1)
            case _:
                return attention_pool(hidden, lengths, self.score(hidden))


def last_pool(
    hidden: Float[Tensor, "batch time features"], lengths: Int[Tensor, " batch"], bidirectional: bool = False
) -> Float[Tensor, "batch features"]:
    """Takes the last real step; of a bidirectional net, where either direction ended: last step and first."""
    end = hidden[torch.arange(lengths.shape[0], device=lengths.device), lengths - 1]
    if not bidirectional:
        return end
    half = hidden.shape[-1] // 2
    return torch.cat([end[:, :half], hidden[:, 0, half:]], dim=-1)


def mean_pool(
    hidden: Float[Tensor, "batch time features"], lengths: Int[Tensor, " batch"]
) -> Float[Tensor, "batch features"]:
    """Averages over the real steps."""
    return (hidden * step_mask(lengths, hidden.shape[1])).sum(dim=1) / lengths[:, None]


def max_pool(
    hidden: Float[Tensor, "batch time features"], lengths: Int[Tensor, " batch"]
) -> Float[Tensor, "batch features"]:
    """Takes each feature's largest value among the real steps."""
    real = step_mask(lengths, hidden.shape[1])
    # Adding is several times as fast as filling in, forwards and backwards.
    penalty = torch.zeros_like(real, dtype=hidden.dtype).masked_fill_(~real, -torch.inf)
    return (hidden + penalty).amax(dim=1)


def attention_pool(
    hidden: Float[Tensor, "batch time features"],
    lengths: Int[Tensor, " batch"],
    scores: Float[Tensor, "batch time 1"],
) -> Float[Tensor, "batch features"]:
    """Averages over the real steps, weighted by the softmax of their scores.

    Source: Felbo et al. 2017, "Using millions of emoji occurrences...", equations 1 to 3 (scores are linear in the
    hidden state).
    """
    real = step_mask(lengths, hidden.shape[1])
    weights = scores.masked_fill(~real, -torch.inf).softmax(dim=1)
    return (weights * hidden).sum(dim=1)
