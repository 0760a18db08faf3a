"""How the figures of a study name and write things."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple


@dataclass(frozen=True)
class StudyContext:
    """How a study's figures name and write things.

    Attributes:
        title: Name of the study.
        metric: What the study's values are, in words: ``validation accuracy``.
        direction: Whether more or less of the metric is better.
        percent: Whether the metric lies in 0..1 and is written in percent.
        n_validation: Sequences that each score was judged on, where the score is an accuracy; gives the
            size of differences that are only noise. None where that is not known or does not apply.
        labels: What to write for a hyperparameter, with its unit, where its name is not enough.
        selected: Number of the search's trial to use; None where that is the one with the best score.
        fresh: Mean scores with fresh seeds, by the number of the trial.
        floor: Score of the floor, where that is handed over instead of a trial.
    """

    title: str
    metric: str
    direction: Literal["maximize", "minimize"]
    percent: bool = False
    n_validation: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    selected: int | None = None
    fresh: Mapping[int, float] = field(default_factory=dict)
    floor: float | None = None

    @property
    def sign(self) -> int:
        """1 where more is better, else -1."""
        return 1 if self.direction == "maximize" else -1

    @property
    def metric_title(self) -> str:
        """The metric at the beginning of a line."""
        return self.metric[:1].upper() + self.metric[1:]

    def label(self, parameter: str) -> str:
        """What to write for a hyperparameter."""
        return shortened(self.labels.get(parameter, parameter), 40)

    def score(self, value: float) -> str:
        """A score in words, as precise as a person can use it."""
        return percent(value) if self.percent else number_text(value)


class Words(NamedTuple):
    """What is written around a figure.

    Attributes:
        title: What the figure shows.
        summary: What to take from it, in one line.
        notes: How to read it, and what is not in it; a sentence each.
    """

    title: str
    summary: str
    notes: tuple[str, ...]


def percent(share: float | None) -> str:
    """A share as precise as a person can use it: ``96.4%``, ``99.64%``, ``100%``; a dash where there is none."""
    if share is None:
        return "–"
    return "100%" if share >= 1 else f"{share:.2%}" if share > 0.99 else f"{share:.1%}"


def interval(low: float, high: float) -> str:
    """``95.6% to 98.0%``; both ends alike, and more precise only where one would be rounded to all."""
    digits = 2 if any(0.9995 <= end < 1 for end in (low, high)) else 1
    return " to ".join("100%" if end >= 1 else f"{end:.{digits}%}" for end in (low, high))


def number_text(value: float) -> str:
    """A number as short as a person would write it: ``0.001``, ``1e-4``, ``12800``."""
    # Four digits of 9999.6 are 1e+04.
    if value == 0 or 1e-3 <= abs(value) < 9999.5:
        return f"{value:.4g}"
    if 9999.5 <= abs(value) < 1e6:
        return f"{value:.0f}"
    mantissa, _, exponent = f"{value:.3e}".partition("e")
    return f"{float(mantissa):g}e{int(exponent)}" if exponent else mantissa


def value_text(value: object) -> str:
    """A hyperparameter's value in words, shortened where it is long."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return number_text(value) if isinstance(value, int | float) else shortened(str(value), 24)


def shortened(text: str, n_characters: int) -> str:
    """The text on one line of at most that many characters, without its middle: names may differ in their ends."""
    line = " ".join(text.split())
    n_last = (n_characters - 1) // 3
    return line if len(line) <= n_characters else f"{line[: n_characters - 1 - n_last]}…{line[len(line) - n_last :]}"


def counted(n: int, noun: str) -> str:
    """``1 trial``, ``2 trials``."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def wrapped(name: str, n_characters: int) -> str:
    """A name on lines of about that many characters, broken at its spaces, underscores and hyphens."""
    pieces = name.replace("_", "_ ").replace("-", "- ").split(" ")
    lines = [""]
    for piece in pieces:
        joint = "" if not lines[-1] or lines[-1].endswith(("_", "-")) else " "
        if lines[-1] and len(lines[-1] + joint + piece) > n_characters:
            lines.append(piece)
        else:
            lines[-1] += joint + piece
    return "\n".join(lines)
