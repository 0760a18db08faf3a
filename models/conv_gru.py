"""Convolution and max-pooling before a GRU: fewer, richer steps to remember."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import max_pool1d

from .base import SequenceClassifier, check_whole, step_mask
from .pooling import Pooling
from .recurrent import RecurrentStack


class ConvGRU(SequenceClassifier):
    """Conv1d, ReLU, max-pool, then a GRU.

    Args:
        n_channels: Of the input.
        n_classes: Of the output.
        conv_channels: Width of the convolution.
        conv_kernel_size: Steps that it sees, odd.
        pool_size: Steps that become one; lengths shrink by it, rounded up.
        hidden_size: Width of a direction.
        n_layers: Recurrent layers.
        dropout: Between layers and before the head.
        bidirectional: Whether each layer also runs backwards.
        pooling: One of ``pooling.POOLINGS``.

    Raises:
        ValueError: If a hyperparameter is out of range.
    """

    def __init__(
        self,
        n_channels: int,
        n_classes: int,
        *,
        conv_channels: int = 16,
        conv_kernel_size: int = 3,
        pool_size: int = 2,
        hidden_size: int = 64,
        n_layers: int = 1,
        dropout: float = 0.0,
        bidirectional: bool = False,
        pooling: str = "last",
    ) -> None:
        super().__init__()
        check_whole("conv_channels", conv_channels, 1)
        check_whole("conv_kernel_size", conv_kernel_size, 1, odd=True)
        check_whole("pool_size", pool_size, 1)
        self.pool_size = pool_size
        self.convolution = nn.Conv1d(n_channels, conv_channels, conv_kernel_size, padding=conv_kernel_size // 2)
        self.encoder = RecurrentStack(
            nn.GRU,
            conv_channels,
            hidden_size=hidden_size,
            n_layers=n_layers,
            dropout=dropout,
            bidirectional=bidirectional,
            layer_norm=False,
        )
        self.pooling = Pooling(pooling, self.encoder.n_features, bidirectional=bidirectional)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(self.pooling.n_features, n_classes)

    def forward(
        self, values: Float[Tensor, "batch time channels"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch classes"]:
        """Logits of each sequence."""
        real = step_mask(lengths, values.shape[1])
        hidden = torch.relu(self.convolution(values.masked_fill(~real, 0.0).transpose(1, 2)))
        # After ReLU nothing is below zero, so a padded zero never wins the maximum.
        hidden = max_pool1d(hidden.masked_fill(~real.transpose(1, 2), 0.0), self.pool_size, ceil_mode=True)
        lengths = (lengths + self.pool_size - 1) // self.pool_size
        pooled = self.pooling(self.encoder(hidden.transpose(1, 2), lengths), lengths)
        logits: Tensor = self.head(self.dropout(pooled))
        return logits
