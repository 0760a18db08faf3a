"""A temporal convolutional network: residual blocks that see ever further around every step."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from .base import SequenceClassifier
from .checks import choice, flag, odd_number, probability, whole_number
from .front import NORMS, ConvolutionalFront, ConvolutionalLayer
from .pooling import Pooling

# Convolutions that reach further than this see hardly a real step more, but cost memory.
LARGEST_DILATION = 256


class ResidualBlock(nn.Module):
    """Two dilated convolutions, and what went in added to what comes out (He et al. 2016); zero padding stays zero.

    Source: Bai et al. 2018, "An empirical evaluation of generic convolutional and recurrent networks for sequence
    modeling", section 3.4 and figure 1b; with norms of the real steps instead of weight norm, and centred on the step,
    since the whole sequence is there.

    Args:
        n_inputs: Features of a step before it.
        n_outputs: Features of a step after it.
        kernel_size: Steps that a convolution sees; odd.
        dilation: Steps from one that it sees to the next.
        residual: Whether to add what went in, by a linear map where the width differs.
        norm: One of ``front.NORMS``.
        dropout: Of features, after each convolution.
    """

    def __init__(
        self,
        n_inputs: int,
        n_outputs: int,
        *,
        kernel_size: int,
        dilation: int,
        residual: bool,
        norm: str,
        dropout: float,
    ) -> None:
        super().__init__()
        self.residual = residual
        self.convolutions = nn.ModuleList(
            ConvolutionalLayer(width, n_outputs, kernel_size=kernel_size, dilation=dilation, norm=norm, dropout=dropout)
            for width in (n_inputs, n_outputs)
        )
        # No bias: it would fill the padding.
        widened = residual and n_inputs != n_outputs
        self.shortcut = nn.Linear(n_inputs, n_outputs, bias=False) if widened else nn.Identity()

    def forward(
        self, values: Float[Tensor, "batch time inputs"], lengths: Int[Tensor, " batch"]
    ) -> tuple[Float[Tensor, "batch time outputs"], Int[Tensor, " batch"]]:
        """Features of each step and the same lengths."""
        hidden = values
        for convolution in self.convolutions:
            hidden, lengths = convolution(hidden, lengths)
        return torch.relu(self.shortcut(values) + hidden) if self.residual else hidden, lengths


class TemporalCNN(SequenceClassifier):
    """Optional convolutional stem, residual blocks of dilated convolutions, pooling, linear head.

    Block i sees every ``dilation_growth ** i``-th step, up to every 256th. Strides are the front's: a long recording is
    shortened there before the blocks.

    Args:
        n_blocks: Residual blocks, of two convolutions each.
        conv_channels: Features of a step in every block.
        conv_kernel_size: Steps that a convolution sees; odd.
        dilation_growth: Factor from one block's dilation to the next one's; 1 for none.
        residual: Whether every block adds what went into it.
        conv_norm: One of ``front.NORMS``.
        dropout: Of features, after every convolution of a block and before the head.
        pooling: One of ``pooling.POOLINGS``.
        **front_options: Of ``ConvolutionalFront``, the convolutional stem.
    """

    def __init__(
        self,
        n_channels: int,
        n_classes: int,
        *,
        n_blocks: int = 3,
        conv_channels: int = 64,
        conv_kernel_size: int = 5,
        dilation_growth: int = 2,
        residual: bool = True,
        conv_norm: str = "batch",
        dropout: float = 0.0,
        pooling: str = "mean",
        **front_options: Any,
    ) -> None:
        super().__init__(n_channels, n_classes)
        whole_number("n_blocks", n_blocks, 1, 16)
        whole_number("conv_channels", conv_channels, 1, 2048)
        odd_number("conv_kernel_size", conv_kernel_size, 63)
        whole_number("dilation_growth", dilation_growth, 1, 8)
        flag("residual", residual)
        choice("conv_norm", conv_norm, NORMS)
        probability("dropout", dropout)
        front = ConvolutionalFront(n_channels, **front_options)
        blocks = [
            ResidualBlock(
                front.n_outputs if block == 0 else conv_channels,
                conv_channels,
                kernel_size=conv_kernel_size,
                dilation=min(dilation_growth**block, LARGEST_DILATION),
                residual=residual,
                norm=conv_norm,
                dropout=dropout,
            )
            for block in range(n_blocks)
        ]
        self.assemble([front, *blocks], Pooling(pooling, conv_channels), dropout)
