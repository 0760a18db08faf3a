"""Which steps of a padded batch are real."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Int
from torch import Tensor


def step_mask(lengths: Int[Tensor, " batch"], time: int) -> Bool[Tensor, "batch time 1"]:
    """True where a step is real; the last axis is there to broadcast over features."""
    return (torch.arange(time, device=lengths.device) < lengths[:, None])[..., None]


def shortened(lengths: Int[Tensor, " batch"], stride: int) -> Int[Tensor, " batch"]:
    """Lengths after a strided layer with 'same' padding: divided by ``stride`` and rounded up."""
    return (lengths + stride - 1) // stride


def check_lengths(lengths: Int[Tensor, " batch"], time: int) -> None:
    """Refuses lengths that cannot be: an average over no step is NaN, and no step follows the batch's last.

    Raises:
        ValueError: If a length is outside 1..time; names the first.
    """
    if torch.compiler.is_compiling():
        return  # a graph that is being traced or exported cannot look at its values
    wrong = (lengths < 1) | (lengths > time)
    if wrong.any():
        row = int(wrong.nonzero()[0])
        raise ValueError(f"lengths must be in 1..{time}, the steps of the batch, got lengths[{row}] = {lengths[row]}")
