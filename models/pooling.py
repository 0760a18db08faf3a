"""From one vector a step to one vector a sequence; only real steps count."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from .base import step_mask

POOLINGS = ("last", "mean", "max", "mean_max", "attention")


class Pooling(nn.Module):
    """Pools over the real steps of each sequence.

    Attributes:
        n_features: Width of the result.

    Raises:
        ValueError: If there is no such pooling.
    """

    def __init__(self, name: str, n_features: int, *, bidirectional: bool = False) -> None:
        super().__init__()
        if name not in POOLINGS:
            raise ValueError(f"pooling must be one of {', '.join(POOLINGS)}, got {name!r}")
        self.name = name
        self.bidirectional = bidirectional
        self.n_features = n_features * 2 if name == "mean_max" else n_features
        self.score = nn.Linear(n_features, 1, bias=False) if name == "attention" else None

    def forward(
        self, hidden: Float[Tensor, "batch time features"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch pooled"]:
        """One vector a sequence."""
        real = step_mask(lengths, hidden.shape[1])
        if self.name == "last":
            end = hidden[torch.arange(len(lengths), device=lengths.device), lengths - 1]
            half = hidden.shape[2] // 2
            return torch.cat([end[:, :half], hidden[:, 0, half:]], dim=1) if self.bidirectional else end
        mean = hidden.masked_fill(~real, 0.0).sum(1) / lengths[:, None]
        maximum = hidden.masked_fill(~real, -torch.inf).amax(1)
        if self.score is not None:
            weights = self.score(hidden).masked_fill(~real, -torch.inf).softmax(1)
            return (weights * hidden.masked_fill(~real, 0.0)).sum(1)
        return {"mean": mean, "max": maximum, "mean_max": torch.cat([mean, maximum], dim=1)}[self.name]
