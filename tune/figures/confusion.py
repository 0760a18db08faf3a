"""Which class is taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int

from .words import Words, counted, shortened

MOST_CLASSES = 30
MOST_MISTAKES = 12


class Mistake(NamedTuple):
    """Sequences of one class that were taken for another.

    Attributes:
        true: What they are.
        predicted: What they were taken for.
        n_times: How many.
        n_true: Of how many sequences of that class.
    """

    true: str
    predicted: str
    n_times: int
    n_true: int


class ConfusionInfo(NamedTuple):
    """A confusion matrix.

    Attributes:
        names: Of the classes that are shown, in their order.
        counts: Row: true class; column: what it was taken for.
        mistakes: The most frequent ones, of all classes.
        words: What to write around the figure.
    """

    names: tuple[str, ...]
    counts: Int[np.ndarray, "classes classes"]
    mistakes: tuple[Mistake, ...]
    words: Words


def read_counts(stored: Any, n_classes: int) -> Int[np.ndarray, "classes classes"] | None:
    """A stored confusion matrix; None where there is none, or it is not one of that many classes."""
    try:
        counts = np.asarray(stored, dtype=np.int64)
    except (TypeError, ValueError, OverflowError):
        return None
    is_matrix = counts.shape == (n_classes, n_classes) and n_classes > 0
    return counts if is_matrix and counts.min() >= 0 and counts.sum() > 0 else None


def confusion_info(
    counts: Int[np.ndarray, "classes classes"], class_names: Sequence[str], part: str, n_networks: int = 1
) -> ConfusionInfo:
    """A confusion matrix, of many classes only those with the most mistakes.

    Args:
        counts: Row: true class; column: what it was taken for.
        class_names: One a class.
        part: Judged sequences: ``test`` or ``validation``.
        n_networks: Networks whose answers were counted together.
    """
    names = [shortened(name, 40) for name in class_names]
    wrong = counts - np.diag(np.diag(counts))
    n_wrong, n_all = int(wrong.sum()), int(counts.sum())
    rows, columns = np.unravel_index(np.argsort(-wrong, axis=None, kind="stable"), wrong.shape)
    pairs = [(int(row), int(column)) for row, column in zip(rows, columns, strict=True) if wrong[row, column] > 0]
    mistakes = tuple(
        Mistake(names[row], names[column], int(wrong[row, column]), int(counts[row].sum()))
        for row, column in pairs[:MOST_MISTAKES]
    )
    shown = np.arange(len(names))
    notes = ["A row is what a sequence is, a column what it was taken for; right answers lie on the diagonal."]
    if n_networks > 1:
        notes.append(f"Counts add up the answers of {n_networks} networks, one a fold.")
    if len(names) > MOST_CLASSES:
        blame = wrong.sum(axis=0) + wrong.sum(axis=1)
        shown = np.sort(np.argsort(-blame, kind="stable")[:MOST_CLASSES])
        notes.append(f"Shown are the {MOST_CLASSES} classes of {len(names)} with the most mistakes.")
    if not n_wrong:
        summary = f"All {n_all} answers on the {part} part are right."
    else:
        first = mistakes[0]
        summary = (
            f"{n_wrong} of {counted(n_all, 'answer')} on the {part} part {'is' if n_wrong == 1 else 'are'} wrong. "
            f"Most often {first.true} is taken for {first.predicted}: {first.n_times} of {first.n_true}."
        )
    return ConfusionInfo(
        tuple(names[index] for index in shown),
        counts[np.ix_(shown, shown)],
        mistakes,
        Words("Which class is taken for which", summary, tuple(notes)),
    )
