"""Scores of predictions: accuracy, macro F1 and cross-entropy."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy

METRIC_LABELS = {"accuracy": "accuracy", "macro_f1": "macro F1", "loss": "loss (cross-entropy)"}


@dataclass(frozen=True)
class Scores:
    """How well predictions fit the labels.

    Attributes:
        accuracy: Share of sequences whose most likely class is right, 0..1.
        macro_f1: F1 averaged over the classes that occur in labels or predictions, 0..1.
        loss: Mean cross-entropy in nats.
    """

    accuracy: float
    macro_f1: float
    loss: float


def score(logits: Float[Tensor, "sequences classes"], labels: Int[Tensor, " sequences"]) -> Scores:
    """Scores logits against labels.

    F1 of a class is 2 TP / (2 TP + FP + FN) (Van Rijsbergen 1979, chapter 7, with equal weights); a class that neither
    occurs nor is predicted is left out of the mean, as it says nothing.
    """
    n_classes = logits.shape[1]
    confusion = confusion_matrix(logits.argmax(dim=1), labels, n_classes).double()
    hits = confusion.diagonal()
    support = confusion.sum(dim=1) + confusion.sum(dim=0)
    seen = support > 0
    return Scores(
        accuracy=float(hits.sum() / confusion.sum()),
        macro_f1=float((2 * hits[seen] / support[seen]).mean()),
        loss=float(cross_entropy(logits.float(), labels)),
    )


def confusion_matrix(
    predicted: Int[Tensor, " sequences"], labels: Int[Tensor, " sequences"], n_classes: int
) -> Int[Tensor, "true predicted"]:
    """Counts how often each class (row) was taken for each class (column)."""
    return torch.bincount(labels * n_classes + predicted, minlength=n_classes**2).reshape(n_classes, n_classes)
