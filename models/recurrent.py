"""Vanilla RNN, GRU and LSTM on one engine."""

from __future__ import annotations

from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from .base import SequenceClassifier, check_probability, check_whole, step_mask
from .front import ConvolutionalFront
from .pooling import Pooling

Cell = type[nn.RNN] | type[nn.GRU] | type[nn.LSTM]


class RecurrentStack(nn.Module):
    """Recurrent layers, one or two directions each, on padded sequences.

    Padding follows a sequence, so the forward direction never sees it; the backward direction is a second cell over
    each sequence reversed within its own length. Measured on a CPU, this is faster than packing.

    Args:
        cell: torch's own layer.
        n_inputs: Width of the input.
        hidden_size: Width of a direction.
        n_layers: At least 1.
        dropout: Between layers.
        bidirectional: Whether a second direction runs backwards.
        layer_norm: Whether each layer's output is normalised (Ba et al. 2016).

    Attributes:
        n_features: Width of the result.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(
        self,
        cell: Cell,
        n_inputs: int,
        *,
        hidden_size: int,
        n_layers: int,
        dropout: float,
        bidirectional: bool,
        layer_norm: bool,
    ) -> None:
        super().__init__()
        check_whole("hidden_size", hidden_size, 1)
        check_whole("n_layers", n_layers, 1)
        check_probability("dropout", dropout)
        self.n_features = hidden_size * (2 if bidirectional else 1)
        widths = [n_inputs] + [self.n_features] * (n_layers - 1)
        self.forwards = nn.ModuleList(cell(width, hidden_size, batch_first=True) for width in widths)
        self.backwards = nn.ModuleList(cell(width, hidden_size, batch_first=True) for width in widths if bidirectional)
        self.norms = nn.ModuleList(nn.LayerNorm(self.n_features) for _ in widths if layer_norm)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, hidden: Float[Tensor, "batch time inputs"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch time features"]:
        """The states of the last layer; those at padded steps mean nothing."""
        backwards_order = _reversal(lengths, hidden.shape[1]) if self.backwards else None
        for layer, forwards in enumerate(self.forwards):
            states = [forwards(hidden)[0]]
            if backwards_order is not None:
                turned, _ = self.backwards[layer](_reorder(hidden, backwards_order))
                states.append(_reorder(turned, backwards_order))
            hidden = torch.cat(states, dim=2) if len(states) > 1 else states[0]
            if self.norms:
                hidden = self.norms[layer](hidden)
            if layer < len(self.forwards) - 1:
                hidden = self.dropout(hidden)
        return hidden


def _reversal(lengths: Int[Tensor, " batch"], n_steps: int) -> Int[Tensor, "batch time"]:
    """Where each step goes when every sequence is turned round within its own length; padding stays."""
    time = torch.arange(n_steps, device=lengths.device)
    return torch.where(time < lengths[:, None], lengths[:, None] - 1 - time, time)


def _reorder(hidden: Tensor, order: Int[Tensor, "batch time"]) -> Tensor:
    """Takes the steps of each sequence in another order; the order here is its own inverse."""
    return hidden.gather(1, order[:, :, None].expand(-1, -1, hidden.shape[2]))


class Recurrent(SequenceClassifier):
    """An optional convolutional front, recurrent layers, pooling, and a linear head.

    Args:
        n_channels: Of the input.
        n_classes: Of the output.
        hidden_size: Width of a direction.
        n_layers: Recurrent layers.
        dropout: Between layers and before the head.
        bidirectional: Whether each layer also runs backwards.
        pooling: One of ``pooling.POOLINGS``.
        layer_norm: Whether each layer's output is normalised.
        front_layers: Convolutions in front; 0 for none.
        front_channels: Width of the front.
        front_kernel_size: Steps that a convolution sees, odd.
        front_stride: Of each convolution.

    Raises:
        ValueError: If a hyperparameter is out of range.
    """

    cell: ClassVar[Cell]

    def __init__(
        self,
        n_channels: int,
        n_classes: int,
        *,
        hidden_size: int = 64,
        n_layers: int = 1,
        dropout: float = 0.0,
        bidirectional: bool = False,
        pooling: str = "last",
        layer_norm: bool = False,
        front_layers: int = 0,
        front_channels: int = 64,
        front_kernel_size: int = 5,
        front_stride: int = 1,
    ) -> None:
        super().__init__()
        self.front = ConvolutionalFront(
            n_channels,
            n_layers=front_layers,
            n_features=front_channels,
            kernel_size=front_kernel_size,
            stride=front_stride,
        )
        self.encoder = RecurrentStack(
            self.cell,
            self.front.n_features,
            hidden_size=hidden_size,
            n_layers=n_layers,
            dropout=dropout,
            bidirectional=bidirectional,
            layer_norm=layer_norm,
        )
        self.pooling = Pooling(pooling, self.encoder.n_features, bidirectional=bidirectional)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(self.pooling.n_features, n_classes)

    def forward(
        self, values: Float[Tensor, "batch time channels"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch classes"]:
        """Logits of each sequence."""
        values = values.masked_fill(~step_mask(lengths, values.shape[1]), 0.0)
        hidden, lengths = self.front(values, lengths)
        pooled = self.pooling(self.encoder(hidden, lengths), lengths)
        logits: Tensor = self.head(self.dropout(pooled))
        return logits


class VanillaRNN(Recurrent):
    """Elman's network with tanh (Elman 1990)."""

    cell = nn.RNN


class GRU(Recurrent):
    """Gated recurrent units (Cho et al. 2014)."""

    cell = nn.GRU


class LSTM(Recurrent):
    """Long short-term memory (Hochreiter & Schmidhuber 1997, with forget gates)."""

    cell = nn.LSTM
