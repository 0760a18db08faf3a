"""Scores of predictions: accuracy, plain and balanced, macro F1 and cross-entropy."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor
from torch.nn.functional import cross_entropy

METRIC_LABELS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "loss": "loss (cross-entropy)",
}
# With these every class counts the same.
BY_CLASS = frozenset({"balanced_accuracy", "macro_f1"})


@dataclass(frozen=True)
class Scores:
    """How well predictions fit the labels.

    Attributes:
        accuracy: Share of sequences whose most likely class is right, 0..1.
        macro_f1: F1 averaged over the classes that occur in labels or predictions, 0..1.
        loss: Mean cross-entropy in nats.
        balanced_accuracy: Recall averaged over the classes that occur in labels, 0..1 (Brodersen et al. 2010); 0 in
            fits that were begun before it was measured.
    """

    accuracy: float
    macro_f1: float
    loss: float
    balanced_accuracy: float = 0.0


def score(logits: Float[Tensor, "sequences classes"], labels: Int[Tensor, " sequences"]) -> Scores:
    """Scores logits against labels.

    F1 of a class is 2 TP / (2 TP + FP + FN) (Van Rijsbergen 1979, chapter 7, with equal weights); a class that neither
    occurs nor is predicted is left out of the mean, as it says nothing.
    """
    losses = cross_entropy(logits.float(), labels, reduction="none")
    once = torch.ones(len(labels), dtype=torch.float64)
    return weighted_score(logits.argmax(dim=1), labels, losses, once, logits.shape[1])


def confusion_matrix(
    predicted: Int[Tensor, " sequences"],
    labels: Int[Tensor, " sequences"],
    n_classes: int,
    times: Float[Tensor, " sequences"] | None = None,
) -> Shaped[Tensor, "classes classes"]:
    """How many sequences of each true class (row) were predicted as each class (column); each counts ``times``."""
    cells = torch.bincount(labels * n_classes + predicted, weights=times, minlength=n_classes**2)
    return cells.reshape(n_classes, n_classes)


def weighted_score(
    predicted: Int[Tensor, " sequences"],
    labels: Int[Tensor, " sequences"],
    losses: Float[Tensor, " sequences"],
    times: Float[Tensor, " sequences"],
    n_classes: int,
) -> Scores:
    """Scores in which each sequence counts ``times``, as it does in a resample."""
    confusion = confusion_matrix(predicted, labels, n_classes, times)
    hits, total = confusion.diagonal(), times.sum()
    of_class = confusion.sum(dim=1)
    support, there = of_class + confusion.sum(dim=0), of_class > 0
    seen = support > 0
    return Scores(
        accuracy=float(hits.sum() / total),
        macro_f1=float((2 * hits[seen] / support[seen]).mean()),
        loss=float((losses.double() * times).sum() / total),
        balanced_accuracy=float((hits[there] / of_class[there]).mean()),
    )


def scores_of_resamples(
    predicted: Int[Tensor, " sequences"],
    labels: Int[Tensor, " sequences"],
    losses: Float[Tensor, " sequences"],
    times: Float[Tensor, "resamples sequences"],
    n_classes: int,
) -> dict[str, Float[Tensor, " resamples"]]:
    """``weighted_score`` of many resamples at once."""
    right = times * (predicted == labels)
    empty = times.new_zeros(len(times), n_classes)
    hits = empty.index_add(1, labels, right)
    of_class = empty.index_add(1, labels, times)
    support, there = of_class.index_add(1, predicted, times), of_class > 0
    seen = support > 0
    return {
        "accuracy": right.sum(dim=1) / times.sum(dim=1),
        "macro_f1": (2 * hits / support.where(seen, 1)).sum(dim=1) / seen.sum(dim=1),
        "loss": times @ losses.double() / times.sum(dim=1),
        "balanced_accuracy": (hits / of_class.where(there, 1)).sum(dim=1) / there.sum(dim=1),
    }
