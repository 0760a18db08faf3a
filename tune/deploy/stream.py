"""Classifying while it is measured: one sample a line, windows that overlap, decisions that do not flicker."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from data.errors import DataError
from data.formats.columns import find_roles, unit_seconds
from data.formats.delimited import is_header
from data.formats.tables import LARGEST
from data.layouts.time_axis import guess_unit_seconds
from data.streams.null_class import null_class

from ..training.decisions import DecisionRule, decide
from .classifier import Array, Classifier, padded
from .inputs import channel_places, fewest_steps, refuse_rate
from .metadata import Facts

PLACE = "standard input"
LONGEST_LINE = 1_000_000


@dataclass(frozen=True)
class Sliding:
    """How a stream is cut and decided.

    Attributes:
        window: Steps of a window.
        rule: Where windows begin, and how they decide.
    """

    window: int
    rule: DecisionRule


@dataclass(frozen=True, eq=False)
class Decision:
    """What is decided at a moment of a stream.

    Attributes:
        step: Samples read so far.
        class_name: By the last windows together.
        probability: Of that class, by them.
        now: What the last window alone says.
        milliseconds: From the window's last sample to the decision.
    """

    step: int
    class_name: str
    probability: float
    now: str
    milliseconds: float


def sliding_for(facts: Facts, window: int | None, hop: int | None, smooth: int | None) -> Sliding:
    """What is asked for, or else as it was judged; where that is not known, a quarter of a window to the next.

    Raises:
        DataError: If a window is too short.
    """
    n_steps = window or facts.lengths.median
    if n_steps < fewest_steps(facts):
        raise DataError(f"--window {n_steps} is too short: the network needs at least {fewest_steps(facts)} steps")
    rule = facts.decision or DecisionRule(hop=max(n_steps // 4, 1))
    asked = {name: value for name, value in (("hop", hop), ("n_windows", smooth)) if value is not None}
    return Sliding(n_steps, DecisionRule(**{**rule.model_dump(), **asked}))


def decisions(
    classifier: Classifier, lines: Iterable[str], sliding: Sliding, sample_rate_hz: float | None = None
) -> Iterator[Decision]:
    """Decides as soon as a window is full, and then at every hop.

    A stream that ends before the first window is full is decided on what there is, if that is enough.

    Raises:
        DataError: If a line is no sample, or there were too few; the message names the line.
    """
    facts = classifier.facts
    if sample_rate_hz is not None and facts.sample_rate_hz is not None:
        refuse_rate(sample_rate_hz, facts.sample_rate_hz, PLACE)
    last: deque[Array] = deque(maxlen=sliding.window)
    recent: deque[Array] = deque(maxlen=sliding.rule.n_windows + sliding.rule.min_windows - 1)
    step, decided = 0, False
    for sample in _samples(lines, facts, sliding.window):
        last.append(sample)
        step += 1
        if step >= sliding.window and (step - sliding.window) % sliding.rule.hop == 0:
            yield _decide(classifier, last, recent, sliding.rule, step)
            decided = True
    if not decided:
        if step < fewest_steps(facts):
            raise DataError(
                f"{PLACE} is too short: it has {step} samples, and at least {fewest_steps(facts)} are needed"
            )
        yield _decide(classifier, last, recent, sliding.rule, step)


def _decide(
    classifier: Classifier, last: Iterable[Array], recent: deque[Array], rule: DecisionRule, step: int
) -> Decision:
    begun = time.perf_counter()
    probabilities = classifier.run(*padded([np.stack(list(last))]))[1][0]
    recent.append(probabilities)
    names = classifier.facts.class_names
    labels, means = decide(np.stack(list(recent)), rule, null_class(names))
    best = int(labels[-1])
    taken = 1000 * (time.perf_counter() - begun)
    return Decision(step, names[best], float(means[-1, best]), names[int(probabilities.argmax())], taken)


def _samples(lines: Iterable[str], facts: Facts, n_first: int) -> Iterator[Array]:
    """The samples of a stream; a first line of names says which columns are the channels, and which the time."""
    columns: list[int] | None = None
    time_column: int | None = None
    unit: float | None = None
    times: list[float] = []
    for number, line in enumerate(lines, start=1):
        if len(line) > LONGEST_LINE:
            raise DataError(f"{PLACE}, line {number} has more than {LONGEST_LINE:,} letters")
        text = line.strip().lstrip("\ufeff")
        if not text:
            continue
        fields = _fields(text)
        if columns is None:
            if is_header(fields):
                roles = find_roles(fields, PLACE)
                names = [fields[k] for k in roles.channels]
                places = channel_places(names, len(names), facts.channel_names, PLACE)
                columns, time_column = [roles.channels[k] for k in places], roles.time
                unit = None if time_column is None else unit_seconds(fields[time_column])
                continue
            columns = channel_places(None, len(fields), facts.channel_names, f"{PLACE}, line {number}")
        wanted = columns if time_column is None else [*columns, time_column]
        if max(wanted) >= len(fields):
            raise DataError(f"{PLACE}, line {number} has {len(fields)} fields; {max(wanted) + 1} are needed")
        numbers = [_number(fields[k], number) for k in wanted]
        if time_column is not None:
            times.append(numbers.pop())
            if len(times) == n_first:
                _check_rate(times, unit, facts)
                time_column = None
        yield np.array(numbers, np.float32)


def _fields(text: str) -> list[str]:
    """Between commas, semicolons, tabs or bars; between blanks only where there is none of these."""
    for separator in "\t;|,":
        if separator in text:
            return [field.strip() for field in text.split(separator)]
    return text.split()


def _number(field: str, line: int) -> float:
    try:
        number = float(field)
    except ValueError as error:
        raise DataError(f"{PLACE}, line {line}: {field[:40]!r} is not a number") from error
    if not math.isfinite(number) or abs(number) > LARGEST:
        raise DataError(f"{PLACE}, line {line}: {field[:40]!r} is not a finite number")
    return number


def _check_rate(times: list[float], unit: float | None, facts: Facts) -> None:
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    seconds = unit or (guess_unit_seconds(step) if step > 0 else None)
    if seconds is not None and step > 0 and facts.sample_rate_hz is not None:
        refuse_rate(1 / (step * seconds), facts.sample_rate_hz, PLACE)
