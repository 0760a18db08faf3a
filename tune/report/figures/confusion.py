"""Which class is confused with which."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int
from matplotlib.collections import PatchCollection
from matplotlib.colors import to_rgba
from matplotlib.patches import Rectangle

from .axes import Tick
from .palette import LIGHT
from .sections import Section, Table, on_page, section
from .sheets import PICTURE, Medium, Sheet, labelled, set_ticks, sheet
from .words import StudyContext, Words, counted, shortened, wrapped

MOST_CLASSES = 30
MOST_MISTAKES = 12
# Stands on the colour of a whole class in the light and in the dark: not quite the white of the paper, which turns.
_MOST = 0.55
_WHITE = "#fefefe"
_DIGIT_INCHES = 0.068


class Mistake(NamedTuple):
    """So many of the sequences of one class were predicted as another."""

    true: str
    predicted: str
    n_times: int
    n_true: int


@dataclass(frozen=True)
class ConfusionInfo:
    """A confusion matrix.

    Attributes:
        names: Of the classes that are shown, in their order.
        counts: Row: true class; column: the predicted class.
        mistakes: The most frequent ones, of all classes.
        part: Judged sequences: ``test`` or ``validation``.
        words: What to write around the figure.
    """

    names: tuple[str, ...]
    counts: Int[np.ndarray, "classes classes"]
    mistakes: tuple[Mistake, ...]
    part: str
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
        counts: Row: true class; column: the predicted class.
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
    notes = ["A row is the true class, a column the predicted one; correct predictions lie on the diagonal."]
    if n_networks > 1:
        notes.append(f"Counts add up the answers of {n_networks} networks, one a fold.")
    if len(names) > MOST_CLASSES:
        blame = wrong.sum(axis=0) + wrong.sum(axis=1)
        shown = np.sort(np.argsort(-blame, kind="stable")[:MOST_CLASSES])
        notes.append(f"Shown are the {MOST_CLASSES} classes of {len(names)} with the most mistakes.")
    if not n_wrong:
        summary = f"All {n_all} predictions on the {part} set are correct."
    else:
        first = mistakes[0]
        summary = (
            f"{n_wrong} of {counted(n_all, 'prediction')} on the {part} set {'is' if n_wrong == 1 else 'are'} wrong. "
            f"Most often {first.true} is predicted as {first.predicted}: {first.n_times} of {first.n_true}."
        )
    return ConfusionInfo(
        tuple(names[index] for index in shown),
        counts[np.ix_(shown, shown)],
        mistakes,
        part,
        Words("Which class is confused with which", summary, tuple(notes)),
    )


def draw_confusion(info: ConfusionInfo, context: StudyContext, medium: Medium = PICTURE) -> Sheet:
    """A row for each class, a column for each predicted one."""
    n, is_narrow = len(info.names), medium.is_narrow
    size = (9 if n <= 22 else 7) if not is_narrow else 7
    rows = [wrapped(name, 16 if is_narrow else 22) if is_narrow or n <= 12 else name for name in info.names]
    # On a narrow sheet the columns have numbers, which stand behind the names of the rows as well.
    rows = [f"{name}  {index}" for index, name in enumerate(rows, 1)] if is_narrow else rows
    names_inches = 0.45 + 0.0085 * size * max(len(line) for row in rows for line in row.split("\n"))
    below_inches = 0.6 if is_narrow else names_inches
    side = min(7.0, 1.2 + 0.36 * n, medium.width - 0.1 - names_inches)
    height = max(side, (0.11 * max(row.count("\n") for row in rows) + 0.17) * n)
    own = replace(context, metric=f"predictions on the {info.part} set")
    drawn = sheet(info.words, own, height + below_inches + 0.1, medium)
    right = min(names_inches + 1.25 * side, medium.width - (0.1 if is_narrow else 0.35))
    axes = drawn.axes(names_inches, drawn.bottom + below_inches, right, drawn.top - 0.1)
    axes.set_facecolor(LIGHT.panel)
    axes.set_xlim(-0.5, n - 0.5)
    axes.set_ylim(n - 0.5, -0.5)
    shares = info.counts / np.maximum(info.counts.sum(axis=1, keepdims=True), 1)
    places = np.argwhere(info.counts)
    # Where the cells are too narrow for their numbers, the colours and the table of mistakes tell.
    cell_inches = (right - names_inches) / n
    has_numbers = not is_narrow or _DIGIT_INCHES * len(str(info.counts.max())) < cell_inches
    # A transparent colour, so that few stand out on a dark page as well; on none between could a number be read.
    is_most = shares > _MOST
    alphas = np.where(is_most, 0.86 + 0.14 * shares, 0.25 + 0.7 * shares)
    colours = [to_rgba(LIGHT.most, alphas[row, column]) for row, column in places]
    squares = [Rectangle((column - 0.48, row - 0.48), 0.96, 0.96) for row, column in places]
    axes.add_collection(PatchCollection(squares, facecolors=colours, linewidths=0))
    for row, column in places if has_numbers else ():
        ink = _WHITE if is_most[row, column] else LIGHT.ink
        axes.text(column, row, str(info.counts[row, column]), ha="center", va="center", size=size, color=ink)
    columns = [str(index) for index in range(1, n + 1)] if is_narrow else rows
    every = math.ceil(_DIGIT_INCHES * (len(columns[-1]) + 0.5) / cell_inches) if is_narrow else 1
    across, down = ([Tick(place, name) for place, name in enumerate(names)] for names in (columns, rows))
    set_ticks(axes, across[::every], down)
    if not is_narrow:
        for label in axes.get_xticklabels():
            label.set(rotation=60, ha="right", rotation_mode="anchor")
    axes.tick_params(labelsize=size)
    labelled(axes, "predicted class", "true class")
    return drawn


def confusion_section(info: ConfusionInfo, context: StudyContext) -> Section:
    """The same for the page, and the most frequent mistakes."""
    rows = tuple((one.true, one.predicted, f"{one.n_times} of {one.n_true}") for one in info.mistakes)
    tables = (Table("The most frequent mistakes", ("true", "predicted", "times"), rows, is_open=True),) if rows else ()
    drawn = on_page(draw_confusion, info, context)
    return section("confusion", info.words, tables=tables, heading="Confusion", **drawn)
