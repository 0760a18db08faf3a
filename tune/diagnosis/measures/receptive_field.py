"""What the convolutions of a network look for, and how many steps of the input one of their outputs sees."""

from __future__ import annotations

import copy

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models import SequenceClassifier
from models.attention import MultiHeadAttention
from models.conv_gru import ConvolutionAndPool

_N_SEQUENCES = 64
_SHORTEST, _LONGEST = 64, 8192


def convolutional_stages(network: SequenceClassifier) -> list[nn.Module]:
    """The stages at the beginning of a network that hold convolutions and nothing with a memory."""
    with_memory = (nn.RNNBase, MultiHeadAttention)
    stages: list[nn.Module] = []
    for stage in network.stages:
        if any(isinstance(module, with_memory) for module in stage.modules()):
            break
        stages.append(stage)
    return stages if first_convolution(network) is not None else []


def first_convolution(network: SequenceClassifier) -> nn.Conv1d | None:
    """The convolution that reads the channels themselves; None where there is none."""
    return next((module for module in network.modules() if isinstance(module, nn.Conv1d)), None)


def first_filters(network: SequenceClassifier) -> Float[Tensor, "filters channels kernel"] | None:
    """The weights of the first convolution."""
    found = first_convolution(network)
    return None if found is None else found.weight.detach()


def receptive_field(network: SequenceClassifier, n_channels: int) -> int | None:
    """Steps of the input that one step after the convolutions depends on; None where there are none.

    Measured, not reckoned from the settings: the gradient of a step in the middle is zero outside of it. Where it fits
    into no sequence that is tried, the longest of them.
    """
    stages = [copy.deepcopy(stage).double().eval() for stage in convolutional_stages(network)]
    if not stages:
        return None
    generator = torch.Generator().manual_seed(0)
    # ReLU would hide what it happens to close: with weights and inputs above zero it closes little.
    for module in (module for stage in stages for module in stage.modules()):
        if isinstance(module, nn.BatchNorm1d):
            module.reset_running_stats()
        for parameter in module.parameters(recurse=False):
            nn.init.uniform_(parameter, 0.5, 1.5, generator=generator)
            if parameter.ndim > 1:
                parameter.data /= parameter[0].numel()
    pools = any(isinstance(module, ConvolutionAndPool) for stage in stages for module in stage.modules())
    # A maximum over steps lets the gradient through to one of them only: many sequences find them all.
    n_sequences = _N_SEQUENCES if pools else 1
    length = _SHORTEST
    while True:
        values = torch.rand(n_sequences, length, n_channels, dtype=torch.double, generator=generator).requires_grad_()
        hidden, lengths = values, torch.full((n_sequences,), length)
        for stage in stages:
            hidden, lengths = stage(hidden, lengths)
        (gradient,) = torch.autograd.grad(hidden[:, int(lengths[0]) // 2].sum(), values)
        seen = (gradient.abs().sum(dim=(0, 2)) > 0).nonzero().flatten()
        first, last = int(seen.min()), int(seen.max())
        if (first > 0 and last < length - 1) or length >= _LONGEST:
            return last - first + 1
        length *= 2
