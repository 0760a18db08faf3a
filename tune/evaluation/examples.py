"""A few sequences of the classes that are recognised worst, small enough to be stored with the study.

The report shows them, and is made from the database, where the recordings are not.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from data.sequences import SequenceDataset

MOST_CLASSES = 4
MOST_WRONG = 2
MOST_STEPS = 48
MOST_CHANNELS = 6
_DIGITS = 3


def worst_examples(logits: Float[Tensor, "sequences classes"], part: SequenceDataset) -> dict[str, Any]:
    """Of each of the worst classes one sequence that is classified correctly, and the most confident mistakes.

    At most four classes, six channels and 48 steps, three digits: some thirty kilobytes.

    Returns:
        Plain JSON values: ``channels`` (names), ``seconds_per_step`` and ``classes``, the worst first, each with its
        ``class``, how many of its sequences are ``n_wrong`` of ``n_sequences``, and its ``examples``. None of the
        classes where all is right.
    """
    predicted = logits.argmax(dim=1)
    sureness = logits.double().softmax(dim=1).amax(dim=1)
    wrong = predicted != part.labels
    n_each = torch.bincount(part.labels, minlength=part.n_classes)
    n_wrong = torch.bincount(part.labels[wrong], minlength=part.n_classes)
    shares = n_wrong / n_each.clamp(min=1)
    worst = sorted((k for k in range(part.n_classes) if n_wrong[k]), key=lambda k: (-float(shares[k]), k))
    channels = _liveliest(part)
    classes = []
    for one in worst[:MOST_CLASSES]:
        right = ((part.labels == one) & ~wrong).nonzero().flatten()
        mistaken = ((part.labels == one) & wrong).nonzero().flatten()
        surest = mistaken[sureness[mistaken].argsort(descending=True, stable=True)][:MOST_WRONG]
        rows = [*_of_median_length(right, part), *surest.tolist()]
        classes.append(
            {
                "class": part.class_names[one],
                "n_wrong": int(n_wrong[one]),
                "n_sequences": int(n_each[one]),
                "examples": [
                    _example(part, row, part.class_names[int(predicted[row])], float(sureness[row]), channels)
                    for row in rows
                ],
            }
        )
    return {
        "channels": [part.channel_names[channel] for channel in channels],
        "seconds_per_step": None if part.sample_rate_hz is None else 1 / part.sample_rate_hz,
        "classes": classes,
    }


def _example(part: SequenceDataset, row: int, predicted: str, sureness: float, channels: list[int]) -> dict[str, Any]:
    sequence = part.sequence(row)
    steps = torch.linspace(0, len(sequence) - 1, min(len(sequence), MOST_STEPS)).round().long()
    return {
        "predicted": predicted,
        "is_right": part.class_names[int(part.labels[row])] == predicted,
        "sureness": round(sureness, 3),
        "person": None if part.groups is None else part.group_names[int(part.groups[row])],
        "n_steps": len(sequence),
        "values": [[_rounded(value) for value in sequence[steps, channel].tolist()] for channel in channels],
    }


def _of_median_length(rows: Int[Tensor, " rows"], part: SequenceDataset) -> list[int]:
    """The row whose length is the median of these; none of none."""
    if not len(rows):
        return []
    return [int(rows[part.lengths[rows].argsort(stable=True)[(len(rows) - 1) // 2]])]


def _liveliest(part: SequenceDataset) -> list[int]:
    """The channels that move most, in their order; all where they are few."""
    moving = part.sampled().values.double().var(dim=0, correction=0)
    return sorted(moving.argsort(descending=True, stable=True)[:MOST_CHANNELS].tolist())


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else 0.0
