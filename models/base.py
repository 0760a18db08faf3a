"""The one contract of every architecture."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn


class SequenceClassifier(nn.Module):
    """Classifies sequences of different lengths that share a batch; padding never matters."""

    def forward(
        self, values: Float[Tensor, "batch time channels"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch classes"]:
        """Logits of each sequence; row i of ``values`` is meaningful for t < lengths[i], each length in 1..time."""
        raise NotImplementedError


def step_mask(lengths: Int[Tensor, " batch"], time: int) -> Bool[Tensor, "batch time 1"]:
    """True where a step is real, with a last axis to broadcast over features."""
    return (torch.arange(time, device=lengths.device) < lengths[:, None])[..., None]


def check_whole(name: str, value: object, at_least: int, odd: bool = False) -> None:
    """Refuses anything but a whole number of at least ``at_least``, odd if so asked.

    Raises:
        ValueError: Names the hyperparameter, its value and the rule.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < at_least or (odd and value % 2 == 0):
        raise ValueError(f"{name} must be {'an odd' if odd else 'a'} whole number from {at_least} up, got {value!r}")


def check_probability(name: str, value: object) -> None:
    """Refuses anything but a number in [0, 1).

    Raises:
        ValueError: Names the hyperparameter, its value and the rule.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise ValueError(f"{name} must be a number from 0 to below 1, got {value!r}")


def n_parameters(model: nn.Module) -> int:
    """Number of trainable numbers in a model."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
