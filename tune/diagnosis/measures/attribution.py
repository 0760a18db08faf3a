"""Which steps and channels a prediction rests on, and whether it does: integrated gradients and deletion curves."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from models.masks import step_mask

INSTALL = ".venv/bin/python -m pip install captum"
N_INTEGRATION_STEPS = 32
SHARES = tuple(k / 10 for k in range(11))
N_RANDOM_ORDERS = 3
_STEPS_AT_ONCE = 32_768


class CaptumMissingError(Exception):
    """The package that computes integrated gradients is not installed; the message says how to install it."""


class Attribution(NamedTuple):
    """What each value of each sequence adds to the logit of a class.

    Attributes:
        values: Attributions; zero at padded steps.
        targets: The class that is explained, of each sequence.
        gap: Mean distance between the sum of a sequence's attributions and what they should sum to, which is the
            difference of the logit at the sequence and at nothing, as a share of that difference's mean size.
    """

    values: Float[Tensor, "batch time channels"]
    targets: Int[Tensor, " batch"]
    gap: float


def integrated_gradients(
    network: nn.Module,
    values: Float[Tensor, "batch time channels"],
    lengths: Int[Tensor, " batch"],
    targets: Int[Tensor, " batch"],
    n_steps: int = N_INTEGRATION_STEPS,
) -> Attribution:
    """Integrated gradients of the targets' logits, from zero (Sundararajan et al. 2017, equation 1), by captum.

    Zero is the mean of the training steps where channels are normalised by these, and a sequence's own mean where they
    are normalised by the sequence: a signal that says nothing.

    Raises:
        CaptumMissingError: If captum is not installed.
    """
    try:
        from captum.attr import IntegratedGradients
    except ImportError as error:
        raise CaptumMissingError(
            f"which steps and channels matter is computed by captum, which is not installed: {INSTALL}"
        ) from error

    network.eval()
    attributed, gaps = IntegratedGradients(network).attribute(
        values,
        target=targets,
        additional_forward_args=lengths,
        n_steps=n_steps,
        internal_batch_size=max(_STEPS_AT_ONCE // values.shape[1], len(values)),
        return_convergence_delta=True,
    )
    real = step_mask(lengths, values.shape[1])
    with torch.no_grad():
        rows = torch.arange(len(values))
        moved = network(values, lengths)[rows, targets] - network(torch.zeros_like(values), lengths)[rows, targets]
    gap = float(gaps.abs().mean() / moved.abs().mean().clamp_min(1e-12))
    return Attribution((attributed * real).detach().to(values.dtype), targets, gap)


class DeletionCurves(NamedTuple):
    """What is left of the confidence when ever more values are deleted.

    Attributes:
        shares: Of the values that are deleted.
        first: Mean probability of the target when the values that add most to it go first.
        last: The same when they go last.
        random: The same in random order.
    """

    shares: tuple[float, ...]
    first: tuple[float, ...]
    last: tuple[float, ...]
    random: tuple[float, ...]

    @property
    def advantage(self) -> float:
        """Area between the curve in random order and the one in order: above zero where the order knows something."""
        return float(np.trapezoid(np.subtract(self.random, self.first), self.shares))


@torch.no_grad()
def deletion_curves(
    network: nn.Module,
    values: Float[Tensor, "batch time channels"],
    lengths: Int[Tensor, " batch"],
    attribution: Attribution,
    *,
    seed: int = 0,
) -> DeletionCurves:
    """Sets ever more values to zero, in the attributions' order and in others (Petsiuk et al. 2018, section 4)."""
    network.eval()
    real = step_mask(lengths, values.shape[1]).expand_as(values)
    generator = torch.Generator().manual_seed(seed)
    orders = [attribution.values, -attribution.values]
    orders += [torch.rand(values.shape, generator=generator) for _ in range(N_RANDOM_ORDERS)]
    curves = []
    for order in orders:
        scores = order.masked_fill(~real, -torch.inf).flatten(1)
        rank = scores.argsort(dim=1, descending=True, stable=True).argsort(dim=1).view_as(values)
        n_values = (lengths * values.shape[2])[:, None, None]
        curve = []
        for share in SHARES:
            kept = values.masked_fill(rank < (share * n_values).round(), 0.0)
            probability = network(kept, lengths).softmax(dim=1).gather(1, attribution.targets[:, None])
            curve.append(float(probability.mean()))
        curves.append(tuple(curve))
    randoms = tuple(sum(points) / N_RANDOM_ORDERS for points in zip(*curves[2:], strict=True))
    return DeletionCurves(SHARES, curves[0], curves[1], randoms)
