"""Which sequences may carry the wrong label: confident learning."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor


class Suspect(NamedTuple):
    """A sequence whose label the network doubts."""

    row: int
    given: int
    suggested: int
    given_probability: float
    suggested_probability: float


def suspects(probabilities: Float[Tensor, "sequences classes"], labels: Int[Tensor, " sequences"]) -> list[Suspect]:
    """Sequences that are confidently another class than their label says, the clearest first.

    Source: Northcutt et al. 2021, "Confident learning: estimating uncertainty in dataset labels", equations 1 and 2: a
    sequence counts as of a class if its probability reaches the mean of those that carry this label, and as of the
    likeliest where there are several; those off the diagonal of the counts are suspected, ranked by the margin between
    the two probabilities.

    Args:
        probabilities: Of a network that was not trained on these sequences.
        labels: As given.
    """
    n_classes = probabilities.shape[1]
    there = torch.bincount(labels, minlength=n_classes)
    sums = torch.zeros(n_classes, dtype=probabilities.dtype).index_add_(
        0, labels, probabilities.gather(1, labels[:, None])[:, 0]
    )
    # Nothing can count as of a class that no sequence is labelled with.
    thresholds = torch.where(there > 0, sums / there.clamp_min(1), torch.inf)
    reached = probabilities.masked_fill(probabilities < thresholds, -1.0)
    best, confident = reached.max(dim=1)
    rows = ((best > 0) & (confident != labels)).nonzero().flatten()
    found = [
        Suspect(
            row,
            int(labels[row]),
            int(confident[row]),
            float(probabilities[row, labels[row]]),
            float(probabilities[row, confident[row]]),
        )
        for row in rows.tolist()
    ]
    return sorted(found, key=lambda one: (one.given_probability - one.suggested_probability, one.row))
