"""A bidirectional LSTM: every step is read with what came before it and what comes after it."""

from __future__ import annotations

from typing import Any

from torch import nn

from .base import SequenceClassifier
from .front import ConvolutionalFront
from .pooling import Pooling
from .recurrent import RecurrentStack


class BiLSTM(SequenceClassifier):
    """Optional convolutional stem, bidirectional layers of LSTM, pooling, linear head.

    Source: Graves & Schmidhuber 2005, "Framewise phoneme classification with bidirectional LSTM...".

    Args:
        hidden_size: Features that a direction puts out.
        n_layers: Recurrent layers.
        dropout: Of features, between recurrent layers and before the head.
        pooling: One of ``pooling.POOLINGS``.
        layer_norm: Whether to normalise between recurrent layers.
        **front_options: Of ``ConvolutionalFront``, the convolutional stem.
    """

    def __init__(
        self,
        n_channels: int,
        n_classes: int,
        *,
        hidden_size: int = 64,
        n_layers: int = 1,
        dropout: float = 0.0,
        pooling: str = "last",
        layer_norm: bool = False,
        **front_options: Any,
    ) -> None:
        super().__init__(n_channels, n_classes)
        front = ConvolutionalFront(n_channels, **front_options)
        stack = RecurrentStack(
            nn.LSTM,
            front.n_outputs,
            hidden_size=hidden_size,
            n_layers=n_layers,
            dropout=dropout,
            bidirectional=True,
            layer_norm=layer_norm,
        )
        self.assemble([front, stack], Pooling(pooling, stack.n_outputs, bidirectional=True), dropout)
