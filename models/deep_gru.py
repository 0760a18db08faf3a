"""A deep GRU: layer normalisation and dropout after every layer keep a tall stack trainable."""

from __future__ import annotations

from torch import nn

from .recurrent import Recurrent


class DeepGRU(Recurrent):
    """Stacked GRU layers, each followed by layer norm (Ba et al. 2016) and dropout.

    Args:
        n_channels: Of the input.
        n_classes: Of the output.
        hidden_size: Width of a direction.
        n_layers: Recurrent layers.
        dropout: After each layer.
        bidirectional: Whether each layer also runs backwards.
        pooling: One of ``pooling.POOLINGS``.
        front_layers: Convolutions in front; 0 for none.
        front_channels: Width of the front.
        front_kernel_size: Steps that a convolution sees, odd.
        front_stride: Of each convolution.

    Raises:
        ValueError: If a hyperparameter is out of range.
    """

    cell = nn.GRU

    def __init__(
        self,
        n_channels: int,
        n_classes: int,
        *,
        hidden_size: int = 64,
        n_layers: int = 3,
        dropout: float = 0.0,
        bidirectional: bool = False,
        pooling: str = "last",
        front_layers: int = 0,
        front_channels: int = 64,
        front_kernel_size: int = 5,
        front_stride: int = 1,
    ) -> None:
        super().__init__(
            n_channels,
            n_classes,
            hidden_size=hidden_size,
            n_layers=n_layers,
            dropout=dropout,
            bidirectional=bidirectional,
            pooling=pooling,
            layer_norm=True,
            front_layers=front_layers,
            front_channels=front_channels,
            front_kernel_size=front_kernel_size,
            front_stride=front_stride,
        )
