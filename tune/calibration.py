"""Whether a network is as often right as it says, and one number that mends much of it."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy

N_BINS = 15
# Bounds on the logarithm of the temperature: beyond, every prediction is even or certain.
LARGEST_LOG_TEMPERATURE = 5.0
N_HALVINGS = 40


def expected_calibration_error(
    logits: Float[Tensor, "sequences classes"], labels: Int[Tensor, " sequences"], n_bins: int = N_BINS
) -> float:
    """Mean distance between confidence and accuracy over bins of equal width (Guo et al. 2017, equation 3).

    Args:
        logits: Of a network.
        labels: The right classes.
        n_bins: Bins over the confidence of the predicted class, each open below and closed above.
    """
    confidence, predicted = logits.double().softmax(dim=1).max(dim=1)
    right = (predicted == labels).double()
    bins = (confidence * n_bins).ceil().long().clamp(1, n_bins) - 1
    gaps = torch.zeros(n_bins, dtype=torch.double).index_add_(0, bins, right - confidence)
    return float(gaps.abs().sum() / len(labels))


def fit_temperature(logits: Float[Tensor, "sequences classes"], labels: Int[Tensor, " sequences"]) -> float:
    """The number that logits are divided by so that their cross-entropy is least (Guo et al. 2017, section 4.2).

    The loss is convex in the inverse temperature, so its slope has one zero, found by bisection; where it has none in
    reach (every answer is right, say), the bound is returned.
    """
    logits = logits.double()

    def slope(inverse: float) -> float:
        scaled = torch.tensor(inverse, dtype=torch.double, requires_grad=True)
        (gradient,) = torch.autograd.grad(cross_entropy(logits * scaled, labels), scaled)
        return float(gradient)

    low, high = -LARGEST_LOG_TEMPERATURE, LARGEST_LOG_TEMPERATURE
    for _ in range(N_HALVINGS):
        middle = (low + high) / 2
        if slope(math.exp(middle)) < 0:
            low = middle
        else:
            high = middle
    return math.exp(-(low + high) / 2)
