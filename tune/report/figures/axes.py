"""What a score or a hyperparameter looks like on an axis: places between 0 and 1, ticks, and words."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from matplotlib.ticker import MaxNLocator
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial

from .words import StudyContext, number_text, value_text

# A range with few steps (1 to 3 layers) reads better as separate levels than as a scale with 1.5 on it.
_MOST_LEVELS = 6
_MOST_TICKS = 8
GOLDEN_RATIO = (5**0.5 - 1) / 2
_LACKING = object()


class Tick(NamedTuple):
    """A place on an axis, and what is written there."""

    place: float
    text: str


class ScoreAxis(NamedTuple):
    """The part of the scores that a figure shows, in the metric's own unit.

    Attributes:
        low: Lower end.
        high: Upper end.
        ticks: Marks between the two, in the metric's unit.
    """

    low: float
    high: float
    ticks: tuple[Tick, ...]

    def place(self, score: float) -> float:
        """Where a score lies between the ends, 0..1; scores beyond lie on the end."""
        return min(max((score - self.low) / (self.high - self.low), 0.0), 1.0)

    def is_beyond(self, score: float) -> bool:
        """Whether a score lies outside what is shown."""
        return not self.low <= score <= self.high

    def beyond_text(self, context: StudyContext) -> str:
        """Which scores lie outside, in words."""
        return f"below {context.score(self.low)}" if context.sign > 0 else f"above {context.score(self.high)}"


class ParameterAxis(NamedTuple):
    """One hyperparameter's axis, and where each trial lies on it.

    Attributes:
        name: The hyperparameter.
        label: What to write for it.
        levels: Its separate values, in order; empty where it is a continuous range.
        ticks: Marks, in 0..1.
        places: One a trial, in 0..1 over the whole search range; None where the trial lacks the hyperparameter.
        texts: Each trial's value in words; empty where the trial lacks the hyperparameter.
    """

    name: str
    label: str
    levels: tuple[str, ...]
    ticks: tuple[Tick, ...]
    places: tuple[float | None, ...]
    texts: tuple[str, ...]

    def spread(self, numbers: Sequence[int], ratio: float) -> tuple[float | None, ...]:
        """Places on which trials of one level lie side by side rather than on top of each other.

        Args:
            numbers: Number of each trial; decides where within its level it lies.
            ratio: An irrational number, its own for each axis of a plane, so that multiples fill the unit interval.
        """
        if not self.levels:
            return self.places
        room = 0.3 / len(self.levels)  # Close enough to the mark that nobody takes it for another level.
        return tuple(
            None if place is None else place + room * (number * ratio % 1 - 0.5)
            for place, number in zip(self.places, numbers, strict=True)
        )


def score_axis(scores: Sequence[float], context: StudyContext) -> ScoreAxis:
    """An axis on which the better half of the scores fills at least a quarter, however bad the worst one is.

    Args:
        scores: At least one usable score.
        context: Says which scores are the better ones, and how to write them.
    """
    goodness = np.sort(np.asarray(scores, dtype=float) * context.sign)
    worst, median, best = float(goodness[0]), float(np.median(goodness)), float(goodness[-1])
    if median < best:
        worst = max(worst, best - 4 * (best - median))
    is_share = context.percent and all(0 <= score <= 1 for score in scores)
    margin = 0.08 * (best - worst)
    if margin < 1e-9 * abs(best) or margin == 0:
        margin = 0.02 if is_share else 0.05 * abs(best) or 1.0
    low, high = sorted(context.sign * end for end in (worst - margin, best + margin))
    if is_share:
        high = min(high, 1 + 0.3 * margin)
    ticks = _linear_marks(max(low, 0.0), min(high, 1.0), 7) if is_share else _linear_marks(low, high, 7)
    texts = _tick_texts(ticks, context)
    return ScoreAxis(low, high, tuple(map(Tick, ticks, texts)))


def _tick_texts(ticks: Sequence[float], context: StudyContext) -> list[str]:
    """All ticks with the same number of decimals, as few as they need."""
    scale, unit = (100, "%") if context.percent else (1, "")
    written = [scale * tick for tick in ticks]
    if max(map(abs, written), default=0) >= 1e4:
        return [number_text(value) + unit for value in written]
    exact = (n for n in range(9) if all(math.isclose(round(value, n), value, rel_tol=1e-9) for value in written))
    decimals = next(exact, 9)
    return [f"{value:.{decimals}f}{unit}" for value in written]


def parameter_axis(name: str, trials: Sequence[FrozenTrial], context: StudyContext) -> ParameterAxis:
    """The axis of one hyperparameter over its whole search range, which may have changed between trials.

    Args:
        name: A hyperparameter that at least one of the trials has.
        trials: The trials to place.
        context: Says what to write for the hyperparameter.
    """
    spaces = [trial.distributions[name] for trial in trials if name in trial.distributions]
    found = [_value(name, trial) for trial in trials]
    values = [value for value in found if value is not _LACKING]
    levels = _levels(spaces, values)
    ticks, place = _steps(levels) if levels else _scale(spaces, values)
    return ParameterAxis(
        name,
        context.label(name),
        tuple(map(value_text, levels)),
        tuple(ticks),
        tuple(None if value is _LACKING else place(value) for value in found),
        tuple("" if value is _LACKING else value_text(value) for value in found),
    )


def _value(name: str, trial: FrozenTrial) -> Any:
    value = trial.params.get(name, _LACKING)
    # A trial that was added by hand may have 2.0 layers.
    return int(value) if isinstance(trial.distributions.get(name), IntDistribution) else value


def _steps(levels: Sequence[Any]) -> tuple[list[Tick], Callable[[Any], float | None]]:
    """Ticks in the middle of each level, and the function from a value to its place."""
    # By representation: 1 and True are equal, and a NaN read back from a database is not itself.
    places = {repr(level): (index + 0.5) / len(levels) for index, level in enumerate(levels)}
    ticks = list(map(Tick, places.values(), map(value_text, levels)))
    return ticks[:: math.ceil(len(levels) / _MOST_TICKS)], lambda value: places[repr(value)]


def _levels(spaces: Sequence[BaseDistribution], values: Sequence[Any]) -> list[Any]:
    """The separate values of a hyperparameter, in order; empty where it is a scale."""
    first = spaces[0]
    if isinstance(first, CategoricalDistribution):
        is_ordered = all(isinstance(choice, int | float) and choice == choice for choice in first.choices)
        return sorted(first.choices) if is_ordered else list(first.choices)
    steps = [space for space in spaces if isinstance(space, IntDistribution) and not space.log]
    levels = {level for space in set(steps) for level in islice(range(space.low, space.high + 1, space.step), 99)}
    levels.update(values if steps else ())
    return sorted(levels) if len(levels) <= _MOST_LEVELS else []


def _scale(
    spaces: Sequence[BaseDistribution], values: Sequence[float]
) -> tuple[list[Tick], Callable[[float], float | None]]:
    """Ticks of a continuous range, and the function from a value to its place."""
    numeric = [space for space in spaces if isinstance(space, FloatDistribution | IntDistribution)]
    is_log, is_whole = numeric[0].log, isinstance(numeric[0], IntDistribution)
    # A configuration that the user gave may lie outside the range.
    inside = [value for value in values if value > 0 or not is_log]
    low = min([*(space.low for space in numeric), *inside])
    high = max([*(space.high for space in numeric), *inside])
    transform: Callable[[float], float] = math.log if is_log else float
    start, width = transform(low), (transform(high) - transform(low)) or 1.0
    marks = _log_marks(low, high, is_whole) if is_log else _linear_marks(low, high, is_whole=is_whole)
    ticks = [Tick((transform(mark) - start) / width, number_text(mark)) for mark in marks]
    return ticks, lambda value: None if is_log and value <= 0 else (transform(value) - start) / width


def _linear_marks(low: float, high: float, n_steps: int = 5, is_whole: bool = False) -> list[float]:
    marks = MaxNLocator(n_steps, steps=[1, 2, 2.5, 5, 10], integer=is_whole).tick_values(low, high)
    return [float(mark) for mark in marks if low <= mark <= high]


def _log_marks(low: float, high: float, is_whole: bool) -> list[float]:
    """Powers of two for whole numbers, of ten otherwise; 1, 2 and 5 of each decade where these are too few."""
    base = 2.0 if is_whole else 10.0
    exponents = range(math.floor(math.log(low, base)), math.ceil(math.log(high, base)) + 1)
    marks = [base**exponent for exponent in exponents if low <= base**exponent * (1 + 1e-9) <= high * (1 + 2e-9)]
    if len(marks) < 3:
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        marks = [digit * 10.0**decade for decade in decades for digit in (1, 2, 5)]
        marks = [mark for mark in marks if low <= mark <= high] or [low, high]
    return marks[:: math.ceil(len(marks) / 5)]


def cost_ticks(low: float, high: float) -> tuple[Tick, ...]:
    """Marks of a logarithmic axis at 1, 2 and 5 of each decade, or closer where it is short, each at its own value."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    inside: list[float] = []
    for digits in ((1, 2, 5), range(1, 10)):
        marks = [digit * 10.0**decade for decade in decades for digit in digits]
        inside = [mark for mark in marks if low <= mark <= high]
        if len(inside) > 2:
            break
    else:
        inside = _linear_marks(low, high)
    return tuple(Tick(mark, _short_number(mark)) for mark in inside[:: math.ceil(len(inside) / _MOST_TICKS)])


def _short_number(value: float) -> str:
    """``20k`` and ``1.5M`` instead of all their noughts."""
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:.3g}{name}"
    return number_text(float(f"{value:.3g}"))
