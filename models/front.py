"""A convolutional front: finds short patterns before an encoder looks at their order."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from .base import check_whole, step_mask


class MaskedBatchNorm(nn.BatchNorm1d):
    """Batch normalisation (Ioffe & Szegedy 2015) whose statistics come from real steps only."""

    def forward(  # type: ignore[override]
        self, values: Float[Tensor, "batch channels time"], real: Bool[Tensor, "batch 1 time"]
    ) -> Float[Tensor, "batch channels time"]:
        """Normalises every channel; the result is zero at padded steps."""
        if not self.training:
            return super().forward(values) * real
        n_real = real.sum()
        mean = (values * real).sum(dim=(0, 2)) / n_real
        centred = (values - mean[:, None]) * real
        variance = centred.square().sum(dim=(0, 2)) / n_real
        if self.running_mean is not None and self.running_var is not None:
            with torch.no_grad():
                unbiased = variance * n_real / (n_real - 1).clamp_min(1)
                self.running_mean.lerp_(mean, self.momentum or 0.1)
                self.running_var.lerp_(unbiased, self.momentum or 0.1)
                if self.num_batches_tracked is not None:
                    self.num_batches_tracked.add_(1)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return centred * scale[:, None] + self.bias[:, None] * real


class ConvolutionalFront(nn.Module):
    """Convolution, masked batch norm and ReLU, ``n_layers`` times; none of them for 0.

    Padded steps are zero before every convolution, as is what lies beyond a lone sequence: padding changes nothing.

    Args:
        n_channels: Of the input.
        n_layers: 0 is no front at all.
        n_features: Width of every layer.
        kernel_size: Steps that a layer sees, odd.
        stride: Of every layer; the lengths shrink by it, rounded up.

    Attributes:
        n_features: Width of the result.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(self, n_channels: int, *, n_layers: int, n_features: int, kernel_size: int, stride: int) -> None:
        super().__init__()
        check_whole("front_layers", n_layers, 0)
        check_whole("front_channels", n_features, 1)
        check_whole("front_kernel_size", kernel_size, 1, odd=True)
        check_whole("front_stride", stride, 1)
        self.stride = stride
        widths = [n_channels] + [n_features] * n_layers
        # The norm's own offset makes a bias superfluous.
        self.convolutions = nn.ModuleList(
            nn.Conv1d(width, n_features, kernel_size, stride, kernel_size // 2, bias=False) for width in widths[:-1]
        )
        self.norms = nn.ModuleList(MaskedBatchNorm(n_features) for _ in range(n_layers))
        self.n_features = widths[-1]

    def forward(
        self, values: Float[Tensor, "batch time channels"], lengths: Int[Tensor, " batch"]
    ) -> tuple[Float[Tensor, "batch shorter features"], Int[Tensor, " batch"]]:
        """Features and the lengths that are left; zero at padded steps."""
        if not self.convolutions:
            return values, lengths
        hidden = values.transpose(1, 2)  # [B, C, T]
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            hidden = convolution(hidden)
            # With odd kernels and half of them as padding, n steps become ceil(n / stride).
            lengths = (lengths + self.stride - 1) // self.stride
            real = step_mask(lengths, hidden.shape[2]).transpose(1, 2)  # [B, 1, T]
            hidden = torch.relu(norm(hidden, real))
        return hidden.transpose(1, 2), lengths
