"""Where a network is wrong: confusions, scores of every class and group, and whether it knows how sure to be."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor


class Confusion(NamedTuple):
    """One class predicted as another; ``share`` is of all sequences of the true class."""

    true: int
    predicted: int
    n: int
    share: float


def most_confused(matrix: Int[Tensor, "classes classes"], most: int = 10) -> list[Confusion]:
    """The confusions with the most sequences, the largest share first among equals."""
    totals = matrix.sum(dim=1).clamp_min(1)
    pairs = [
        Confusion(row, column, int(matrix[row, column]), float(matrix[row, column] / totals[row]))
        for row, column in matrix.nonzero().tolist()
        if row != column
    ]
    return sorted(pairs, key=lambda pair: (-pair.n, -pair.share, pair.true, pair.predicted))[:most]


class GroupScore(NamedTuple):
    """Correct predictions in a group of sequences."""

    name: str
    n_right: int
    n: int

    @property
    def accuracy(self) -> float:
        """Share of correct predictions."""
        return self.n_right / self.n


def by_length(right: Tensor, lengths: Int[Tensor, " sequences"], n_groups: int = 5) -> list[GroupScore]:
    """Correct predictions by length, in groups of like size; one group where all lengths are the same."""
    edges = torch.quantile(lengths.double(), torch.linspace(0, 1, n_groups + 1, dtype=torch.double)).ceil()
    edges = torch.tensor(sorted(set(edges.tolist())))
    if len(edges) == 1:
        return [GroupScore(f"{int(edges[0])}", int(right.sum()), len(right))]
    groups = []
    for k, (low, high) in enumerate(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)):
        inside = (lengths >= low) & ((lengths < high) if k < len(edges) - 2 else (lengths <= high))
        last = int(high) - 1 if k < len(edges) - 2 else int(high)
        if inside.any():
            name = f"{int(low)}" if int(low) == last else f"{int(low)} to {last}"
            groups.append(GroupScore(name, int(right[inside].sum()), int(inside.sum())))
    return groups


class ReliabilityBin(NamedTuple):
    """Predictions of like confidence."""

    low: float
    high: float
    confidence: float
    accuracy: float
    n: int


def reliability(
    probabilities: Float[Tensor, "sequences classes"], labels: Int[Tensor, " sequences"], n_bins: int = 10
) -> list[ReliabilityBin]:
    """Confidence against accuracy in bins of equal width (Guo et al. 2017, section 2); empty bins are left out."""
    confidence, predicted = probabilities.double().max(dim=1)
    right = (predicted == labels).double()
    place = (confidence * n_bins).ceil().long().clamp(1, n_bins) - 1
    bins = []
    for k in torch.bincount(place).nonzero().flatten().tolist():
        inside = place == k
        bins.append(
            ReliabilityBin(
                k / n_bins,
                (k + 1) / n_bins,
                float(confidence[inside].mean()),
                float(right[inside].mean()),
                int(inside.sum()),
            )
        )
    return bins


def confident_mistakes(
    probabilities: Float[Tensor, "sequences classes"], labels: Int[Tensor, " sequences"], most: int
) -> Int[Tensor, " chosen"]:
    """Rows of the wrong predictions that the network was most confident of, the most confident first."""
    confidence, predicted = probabilities.max(dim=1)
    wrong = (predicted != labels).nonzero().flatten()
    return wrong[confidence[wrong].argsort(descending=True, stable=True)[:most]]


def nearest_correct(
    pooled: Float[Tensor, "sequences features"],
    predicted: Int[Tensor, " sequences"],
    labels: Int[Tensor, " sequences"],
    row: int,
) -> int | None:
    """The sequence nearest to ``row`` in what the head is given, among those classified correctly as the same class.

    None where the network has no correct prediction of that class.
    """
    right = ((predicted == predicted[row]) & (labels == predicted[row])).nonzero().flatten()
    if not len(right):
        return None
    return int(right[(pooled[right] - pooled[row]).norm(dim=1).argmin()])
