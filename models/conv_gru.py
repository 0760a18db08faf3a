"""Convolution and max-pooling before a GRU, which then has fewer and richer steps to remember."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import max_pool1d, pad

from .base import SequenceClassifier
from .checks import odd_number, whole_number
from .masks import shortened, step_mask
from .pooling import Pooling
from .recurrent import RecurrentStack


class ConvolutionAndPool(nn.Module):
    """Convolution, ReLU, and the maximum of every ``pool_size`` steps; the last few make one step as well.

    Args:
        n_channels: Channels of a step.
        conv_channels: Features of the convolution.
        conv_kernel_size: Steps that it sees; odd.
        pool_size: Steps that become one.
    """

    def __init__(self, n_channels: int, conv_channels: int, conv_kernel_size: int, pool_size: int) -> None:
        super().__init__()
        whole_number("conv_channels", conv_channels, 1, 2048)
        odd_number("conv_kernel_size", conv_kernel_size, 63)
        whole_number("pool_size", pool_size, 1, 16)
        self.pool_size = pool_size
        self.convolution = nn.Conv1d(n_channels, conv_channels, conv_kernel_size, padding=conv_kernel_size // 2)

    def forward(
        self, values: Float[Tensor, "batch time channels"], lengths: Int[Tensor, " batch"]
    ) -> tuple[Float[Tensor, "batch shorter features"], Int[Tensor, " batch"]]:
        """Pooled features and the lengths that are left; padding must be zero and stays zero."""
        real = step_mask(lengths, values.shape[1]).transpose(1, 2)
        # After ReLU nothing is below zero, so a zero that stands in the padding wins no maximum.
        hidden = torch.relu(self.convolution(values.transpose(1, 2))) * real
        if torch.compiler.is_compiling():  # max_pool1d would take the number of steps for a constant
            pooled = _largest_of_each(hidden, self.pool_size)
        else:
            pooled = max_pool1d(hidden, self.pool_size, ceil_mode=True)
        return pooled.transpose(1, 2), shortened(lengths, self.pool_size)


def _largest_of_each(
    hidden: Float[Tensor, "batch features time"], pool_size: int
) -> Float[Tensor, "batch features shorter"]:
    """What ``max_pool1d`` gives for values of which none is below zero."""
    n_pools = (hidden.shape[2] + pool_size - 1) // pool_size
    filled = pad(hidden, (0, n_pools * pool_size - hidden.shape[2]))
    return filled.reshape(*hidden.shape[:2], n_pools, pool_size).amax(dim=3)


class ConvGRU(SequenceClassifier):
    """Conv1d, ReLU, max-pool, then recurrent layers of GRU, pooling and a linear head.

    Args:
        conv_channels: Features of the convolution.
        conv_kernel_size: Steps that it sees; odd.
        pool_size: Steps that become one.
        hidden_size: Features that a direction puts out.
        n_layers: Recurrent layers.
        dropout: Of features, between recurrent layers and before the head.
        bidirectional: Whether every recurrent layer also reads backwards.
        pooling: One of ``pooling.POOLINGS``.
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
        super().__init__(n_channels, n_classes)
        front = ConvolutionAndPool(n_channels, conv_channels, conv_kernel_size, pool_size)
        stack = RecurrentStack(
            nn.GRU,
            conv_channels,
            hidden_size=hidden_size,
            n_layers=n_layers,
            dropout=dropout,
            bidirectional=bidirectional,
        )
        self.assemble([front, stack], Pooling(pooling, stack.n_outputs, bidirectional), dropout)
