"""Rows of dots with their intervals: how well each person's sequences are classified, and each architecture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from matplotlib.ticker import FuncFormatter

from .palette import LIGHT
from .sheets import PICTURE, Medium, Sheet, gridded, labelled, named_ticks, sheet
from .words import StudyContext, Words, counted, percent, shortened

MOST_PEOPLE = 40


class Person(NamedTuple):
    """One person: the share of correct predictions, 0..1, and its 95% interval over this person's sequences."""

    name: str
    accuracy: float
    n_sequences: int
    low: float
    high: float


@dataclass(frozen=True)
class PeopleInfo:
    """People from the worst to the best, of very many the worst, and what to write around the figure."""

    people: tuple[Person, ...]
    words: Words


def read_people(stored: Any) -> dict[str, tuple[float, int]] | None:
    """Accuracy and number of sequences by person, as stored; None where people are not known."""
    if not isinstance(stored, Mapping) or not stored:
        return None
    try:
        read = {str(name): (float(one["accuracy"]), int(one["n_sequences"])) for name, one in stored.items()}
    except (KeyError, TypeError, ValueError):
        return None
    return read if all(0 <= accuracy <= 1 and n > 0 for accuracy, n in read.values()) else None


def people_info(people: Sequence[Person], *, are_new: bool) -> PeopleInfo:
    """How far apart people are.

    Args:
        people: At least one.
        are_new: Whether nobody of them was trained on.
    """
    ordered = sorted(people, key=lambda person: (person.accuracy, person.name))
    who = "never trained on" if are_new else "who were trained on as well"
    worst, best = ordered[0], ordered[-1]
    if len(ordered) == 1:
        summary = (
            f"Only one person is in the test set, {worst.name}, {who}: {percent(worst.accuracy)} of "
            f"{counted(worst.n_sequences, 'sequence')}. Another person may differ from that by more than the interval."
        )
    else:
        summary = (
            f"{len(ordered)} people {who}: from {percent(worst.accuracy)} ({worst.name}) to {percent(best.accuracy)} "
            f"({best.name})."
        )
    notes = ["Lines are 95% intervals over each person's own sequences: where they overlap, the order may be chance."]
    if len(ordered) > MOST_PEOPLE:
        notes.append(f"Shown are the {MOST_PEOPLE} with the lowest accuracy of {len(ordered)}.")
    shown = tuple(person._replace(name=shortened(person.name, 24)) for person in ordered[:MOST_PEOPLE])
    return PeopleInfo(shown, Words("How it does on each person", summary, tuple(notes)))


class Row(NamedTuple):
    """One row: its dot, the ends of its line, and small dots in the background."""

    label: str
    score: float
    low: float
    high: float
    others: tuple[float, ...] = ()


@dataclass(frozen=True)
class Rows:
    """Rows of dots.

    Attributes:
        rows: From top to bottom.
        words: What to write around the figure.
        title: Of the scores.
        is_share: Whether they are written in percent.
        best: Index of the row in the colour of the best.
    """

    rows: tuple[Row, ...]
    words: Words
    title: str
    is_share: bool
    best: int | None = None


def draw_rows(info: Rows, context: StudyContext, medium: Medium = PICTURE) -> Sheet:
    """A dot with its line for each row, each with its number."""
    rows = info.rows
    n_characters = 14 if medium.is_narrow else 30
    drawn = sheet(info.words, context, 0.7 + 0.26 * len(rows), medium)
    left = 0.3 + 0.075 * max(len(shortened(row.label, n_characters)) for row in rows)
    axes = drawn.axes(left, drawn.bottom + 0.5, drawn.width - 0.7, drawn.top)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    for index, row in enumerate(rows):
        colour = LIGHT.best if index == info.best else LIGHT.complete
        others = [index] * len(row.others)
        axes.scatter(row.others, others, s=16, color=LIGHT.pruned, alpha=0.7, linewidths=0)
        axes.plot((row.low, row.high), (index, index), color=colour, linewidth=2, solid_capstyle="round")
        axes.plot(row.score, index, marker="o", markersize=7, color=colour)
        text = percent(row.score) if info.is_share else context.score(row.score)
        place: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "annotation_clip": False}
        style: dict[str, Any] = {"va": "center", "size": 9, "color": LIGHT.ink}
        axes.annotate(text, (1, index), (6, 0), textcoords="offset points", **place, **style)
    named_ticks(axes, "y", [row.label for row in rows], n_characters=n_characters)
    axes.locator_params(axis="x", nbins=4 if medium.is_narrow else 9)
    if info.is_share:
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.3g}%"))
    gridded(axes, "x")
    labelled(axes, info.title)
    return drawn
