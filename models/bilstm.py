"""A bidirectional LSTM: every step is read with what came before it and what comes after it."""

from __future__ import annotations

from torch import nn

from .base import SequenceClassifier
from .front import ConvolutionalFront
from .pooling import Pooling
from .recurrent import RecurrentStack


class BiLSTM(SequenceClassifier):
    """Optional convolutional front, bidirectional layers of LSTM, pooling, linear head.

    Source: Graves & Schmidhuber 2005, "Framewise phoneme classification with bidirectional LSTM...".

    Args:
        n_channels: Channels of a step.
        n_classes: Classes to tell apart.
        hidden_size: Features that a direction puts out.
        n_layers: Recurrent layers.
        dropout: Of features, between recurrent layers and before the head.
        pooling: One of ``pooling.POOLINGS``.
        layer_norm: Whether to normalise between recurrent layers.
        front_layers: Convolutions in front; 0 is none. This and the other ``front_*`` are of ``ConvolutionalFront``.

    Raises:
        ValueError: If a hyperparameter is out of range.
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
        front_layers: int = 0,
        front_channels: int = 64,
        front_kernel_size: int = 5,
        front_stride: int = 1,
        front_norm: str = "batch",
        front_dropout: float = 0.0,
    ) -> None:
        super().__init__(n_channels, n_classes)
        front = ConvolutionalFront(
            n_channels,
            front_layers=front_layers,
            front_channels=front_channels,
            front_kernel_size=front_kernel_size,
            front_stride=front_stride,
            front_norm=front_norm,
            front_dropout=front_dropout,
        )
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
