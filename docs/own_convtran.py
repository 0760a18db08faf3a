"""A small ConvTran (Foumani et al. 2023): convolutions for what is near, relative attention for the rest."""

import torch
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from torch import nn

from models import SequenceClassifier, step_mask
from models.pooling import Pooling


class Embedding(nn.Module):
    """Along time within each channel, then across channels; as many features as attention needs."""

    def __init__(self, n_channels, width, kernel):
        super().__init__()
        self.along = nn.Conv2d(1, width, (kernel, 1), padding=(kernel // 2, 0), bias=False)
        self.across = nn.Conv2d(width, width, (1, n_channels), bias=False)
        self.norm = nn.LayerNorm(width)

    def forward(self, values, lengths):
        real = step_mask(lengths, values.shape[1])
        hidden = nn.functional.gelu(self.along(values.masked_fill(~real, 0.0).unsqueeze(1)))
        hidden = nn.functional.gelu(self.across(hidden).squeeze(3).transpose(1, 2))
        return self.norm(hidden), lengths


class RelativeAttention(nn.Module):
    """Scalar attention with a learned bias for each distance between two steps (eRPE), and feed-forward layers."""

    def __init__(self, n_heads, head_dim, n_distances, dropout):
        super().__init__()
        width = n_heads * head_dim
        self.n_heads, self.n_distances = n_heads, n_distances
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.bias = nn.Parameter(torch.zeros(n_heads, 2 * n_distances + 1))
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.feed = nn.Sequential(
            nn.Linear(width, 4 * width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(4 * width, width),
            nn.Dropout(dropout),
        )

    def forward(self, values, lengths):
        batch, time, width = values.shape
        real = step_mask(lengths, time)
        query, key, value = (
            part.reshape(batch, time, self.n_heads, -1).transpose(1, 2) for part in self.qkv(values).chunk(3, dim=-1)
        )
        steps = torch.arange(time, device=values.device)
        apart = (steps[:, None] - steps[None]).clamp(-self.n_distances, self.n_distances) + self.n_distances
        scores = query @ key.transpose(-1, -2) / (width // self.n_heads) ** 0.5
        weights = scores.masked_fill(~real.transpose(1, 2).unsqueeze(1), -torch.inf).softmax(dim=-1)
        weights = weights + self.bias[:, apart]
        weights = weights.masked_fill(~real.transpose(1, 2).unsqueeze(1), 0.0)
        attended = (weights @ value).transpose(1, 2).reshape(batch, time, width)
        hidden = self.norms[0](values + attended)
        return self.norms[1](hidden + self.feed(hidden)), lengths


class ConvTran(SequenceClassifier):
    space = {
        "n_heads": CategoricalDistribution([2, 4, 8]),
        "head_dim": CategoricalDistribution([4, 8, 16]),
        "n_layers": IntDistribution(1, 2),
        "kernel": IntDistribution(3, 15, step=2),
        "n_distances": IntDistribution(8, 128, log=True),
        "dropout": FloatDistribution(0.0, 0.4),
        "pooling": CategoricalDistribution(["mean", "max"]),
    }

    def __init__(
        self,
        n_channels,
        n_classes,
        *,
        n_heads=4,
        head_dim=8,
        n_layers=1,
        kernel=9,
        n_distances=64,
        dropout=0.1,
        pooling="mean",
    ):
        super().__init__(n_channels, n_classes)
        width = n_heads * head_dim
        layers = [RelativeAttention(n_heads, head_dim, n_distances, dropout) for _ in range(n_layers)]
        self.assemble([Embedding(n_channels, width, kernel), *layers], Pooling(pooling, width), dropout)
