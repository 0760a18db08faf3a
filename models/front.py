"""A convolutional front: finds short patterns before a network over time looks at their order."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import batch_norm

from .checks import choice, odd_number, probability, whole_number
from .dropout import SequenceDropout
from .masks import shortened, step_mask

NORMS = ("batch", "layer", "none")


class ConvolutionalFront(nn.Module):
    """Layers of convolution, norm over the real steps, ReLU and dropout; no layer is no front at all.

    Padding is zero before every convolution, which is what a convolution also finds beyond the ends of a lone sequence.

    Args:
        n_channels: Channels of a step.
        front_layers: Number of layers; 0 for none.
        front_channels: Features after each layer.
        front_kernel_size: Steps that one convolution sees; odd.
        front_stride: Steps that one convolution moves by; each layer divides the lengths by it and rounds up.
        front_norm: One of ``NORMS``: batch norm (Ioffe & Szegedy 2015), layer norm (Ba et al. 2016) or none.
        front_dropout: Of features, after each layer.

    Attributes:
        n_outputs: Features of a step after the front.
    """

    def __init__(
        self,
        n_channels: int,
        *,
        front_layers: int = 0,
        front_channels: int = 64,
        front_kernel_size: int = 5,
        front_stride: int = 1,
        front_norm: str = "batch",
        front_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        whole_number("front_layers", front_layers, 0, 8)
        whole_number("front_channels", front_channels, 1, 2048)
        odd_number("front_kernel_size", front_kernel_size, 63)
        whole_number("front_stride", front_stride, 1, 8)
        choice("front_norm", front_norm, NORMS)
        probability("front_dropout", front_dropout)
        self.n_outputs = front_channels if front_layers else n_channels
        self.layers = nn.ModuleList(
            ConvolutionalLayer(
                n_channels if layer == 0 else front_channels,
                front_channels,
                kernel_size=front_kernel_size,
                stride=front_stride,
                norm=front_norm,
                dropout=front_dropout,
            )
            for layer in range(front_layers)
        )

    def forward(
        self, values: Float[Tensor, "batch time channels"], lengths: Int[Tensor, " batch"]
    ) -> tuple[Float[Tensor, "batch shorter outputs"], Int[Tensor, " batch"]]:
        """Features of each step and the lengths that are left; padding must be zero and stays zero."""
        for layer in self.layers:
            values, lengths = layer(values, lengths)
        return values, lengths


class ConvolutionalLayer(nn.Module):
    """Convolution, norm over the real steps, ReLU and dropout; maps padding of zeros to padding of zeros.

    Args:
        n_inputs: Features of a step before it.
        n_outputs: Features of a step after it.
        kernel_size: Steps that it sees; odd.
        norm: One of ``NORMS``.
        dropout: Of features.
        stride: Steps that it moves by.
        dilation: Steps from one that it sees to the next.
    """

    def __init__(
        self,
        n_inputs: int,
        n_outputs: int,
        *,
        kernel_size: int,
        norm: str,
        dropout: float,
        stride: int = 1,
        dilation: int = 1,
    ) -> None:
        super().__init__()
        self.stride = stride
        self.convolution = nn.Conv1d(
            n_inputs,
            n_outputs,
            kernel_size,
            stride,
            padding=dilation * (kernel_size // 2),
            dilation=dilation,
            bias=norm != "batch",  # batch norm would subtract it again
        )
        self.norm = _norm(norm, n_outputs)
        self.dropout = SequenceDropout(dropout)

    def forward(
        self, values: Float[Tensor, "batch time inputs"], lengths: Int[Tensor, " batch"]
    ) -> tuple[Float[Tensor, "batch shorter outputs"], Int[Tensor, " batch"]]:
        """Features of each step and the lengths that are left."""
        # Contiguous, so that what follows has gradients of its own layout: on a transposed one ReLU's is slow.
        hidden = self.convolution(values.transpose(1, 2).contiguous()).transpose(1, 2).contiguous()  # [B, T, C]
        lengths = shortened(lengths, self.stride)
        real = step_mask(lengths, hidden.shape[1])
        hidden = self.norm(hidden, real) if isinstance(self.norm, MaskedBatchNorm) else self.norm(hidden)
        return self.dropout(torch.relu(hidden) * real), lengths


class MaskedBatchNorm(nn.BatchNorm1d):
    """Batch norm whose statistics are of the real steps only."""

    def forward(  # type: ignore[override]
        self, values: Float[Tensor, "batch time features"], real: Bool[Tensor, "batch time 1"]
    ) -> Float[Tensor, "batch time features"]:
        """Normalises each feature; what comes out at padded steps means nothing."""
        steps = values.flatten(0, 1)
        if not self.training:
            return super().forward(steps).view_as(values)
        index = real.flatten().nonzero().flatten()
        if len(index) == 1:  # a single step has no variance: it is treated as in evaluation
            return batch_norm(steps, self.running_mean, self.running_var, self.weight, self.bias).view_as(values)
        normalised = super().forward(steps.index_select(0, index))
        return torch.zeros_like(steps).index_copy(0, index, normalised).view_as(values)


def _norm(name: str, n_features: int) -> nn.Module:
    if name == "batch":
        return MaskedBatchNorm(n_features)
    return nn.LayerNorm(n_features) if name == "layer" else nn.Identity()


def folded(
    module: ConvolutionalLayer,
) -> tuple[Float[Tensor, "outputs inputs kernel"], Float[Tensor, " outputs"]]:
    """Weight and bias, in double precision, of a trained convolution and its batch norm in one.

    Raises:
        TypeError: If the norm has no statistics.
    """
    weight, bias = module.convolution.weight.detach().double(), module.convolution.bias
    shift = torch.zeros(len(weight), dtype=torch.double) if bias is None else bias.detach().double()
    if isinstance(module.norm, MaskedBatchNorm):
        mean, variance = module.norm.running_mean, module.norm.running_var
        if mean is None or variance is None:
            raise TypeError("batch norm without the statistics of its training")
        scale = module.norm.weight.detach().double() / (variance.double() + module.norm.eps).sqrt()
        weight, shift = weight * scale[:, None, None], (shift - mean.double()) * scale + module.norm.bias.detach()
    return weight, shift
