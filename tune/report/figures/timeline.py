"""What happened in the streams of a few people, and what was predicted: one lane above the other, in time."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MultipleLocator

from .axes import Tick
from .palette import LIGHT
from .sections import Section, on_page, section
from .sheets import CLASS_COLOURS, PICTURE, Medium, Sheet, calm, gridded, labelled, legend, set_ticks, sheet
from .words import StudyContext, Words, shortened

_PANEL_INCHES = 1.12
_LANES_INCHES = 0.62
_TICK_SECONDS, _MOST_TICKS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600), 7
_MOST_SECONDS = _TICK_SECONDS[-1] * _MOST_TICKS
# Of a bar, for the number of its class.
_ROOM_INCHES = 0.13


class Event(NamedTuple):
    """An unbroken stretch of one class, in seconds of its stream; the class by its place in the legend."""

    number: int
    begin: float
    end: float


class Stretch(NamedTuple):
    """A part of somebody's stream, with what happened there and what was predicted."""

    name: str
    begin: float
    end: float
    true: tuple[Event, ...]
    predicted: tuple[Event, ...]


@dataclass(frozen=True)
class TimelineInfo:
    """Stretches of streams, the classes that occur there, and what to write around the figure."""

    stretches: tuple[Stretch, ...]
    classes: tuple[str, ...]
    part: str
    words: Words


def timeline_info(stored: Any, class_names: Sequence[str], part: str) -> TimelineInfo | None:
    """What is stored of streams, to be drawn; None where nothing is, or not as this version writes it.

    Args:
        stored: As ``evaluation.timelines`` gives it.
        class_names: One a class.
        part: Whose streams they are: ``test`` or ``validation``.
    """
    if not isinstance(stored, Mapping):
        return None
    try:
        counts = Counter(
            int(label) for one in stored["people"] for kind in ("true", "predicted") for label, *_ in one[kind]
        )
        # The most frequent have the colours that differ most.
        classes = [label for label, _ in counts.most_common()]
        names = tuple(class_names[label] for label in classes)

        def read(events: Sequence[Any]) -> tuple[Event, ...]:
            return tuple(Event(classes.index(int(label)), float(begin), float(end)) for label, begin, end in events)

        stretches = tuple(
            Stretch(
                shortened(str(one["name"]), 24), float(one["begin"]), float(one["end"]),
                read(one["true"]), read(one["predicted"]),
            )
            for one in stored["people"]
        )  # fmt: skip
        others = [shortened(str(name), 24) for name in stored["not_shown"]]
    except (KeyError, TypeError, ValueError, IndexError):
        return None
    if not names or not all(0 < one.end - one.begin <= _MOST_SECONDS for one in stretches):
        return None
    return TimelineInfo(stretches, names, part, _words(stretches, others, part))


def _words(stretches: Sequence[Stretch], others: Sequence[str], part: str) -> Words:
    n_true, n_predicted = (sum(len(getattr(one, kind)) for one in stretches) for kind in ("true", "predicted"))
    order = " from the lowest event F1 to the highest" if len(stretches) > 1 else ""
    notes = [
        "Upper lane: what happened. Lower lane: what was predicted, about the middle of the windows that decide. "
        "Between the bars is the null class.",
        "Shown are at most three minutes of each, those with the most events.",
    ]
    if others:
        listed = ", ".join(others[:20]) + (f" and {len(others) - 20} more" if len(others) > 20 else "")
        notes.append(f"Not drawn: {listed}.")
    summary = (
        f"{n_true} events and {n_predicted} predicted ones in "
        f"{len(stretches)} {'stream' if len(stretches) == 1 else 'streams'} of the {part} set{order}."
    )
    return Words("What happened, and what was predicted", summary, tuple(notes))


def draw_timeline(info: TimelineInfo, context: StudyContext, medium: Medium = PICTURE) -> Sheet:
    """Two lanes for each stretch, a colour and a number for each class."""
    n_columns, n_characters = (2, 18) if medium.is_narrow else (5, 24)
    legend_inches = 0.2 * math.ceil(len(info.classes) / n_columns) + 0.12
    own = replace(context, metric=f"event F1 on the {info.part} set", direction="maximize")
    drawn = sheet(info.words, own, legend_inches + _PANEL_INCHES * len(info.stretches) + 0.15, medium)
    left, right = (0.75 if medium.is_narrow else 0.95), drawn.width - (0.2 if medium.is_narrow else 0.35)
    longest = max(one.end - one.begin for one in info.stretches)
    for place, one in enumerate(info.stretches):
        top = drawn.top - legend_inches - _PANEL_INCHES * place - 0.25
        axes = drawn.axes(left, top - _LANES_INCHES, right, top)
        _draw_lanes(axes, one, longest, (right - left) / longest)
        calm(axes, one.name)
        if place == len(info.stretches) - 1:
            labelled(axes, "minutes:seconds of the stream")
        if place == 0:
            for index, name in enumerate(info.classes):
                label = f"{index + 1}  {shortened(name, n_characters)}"
                axes.scatter([], [], marker="s", s=60, color=_colour(index), label=label)
            legend(drawn, axes, n_columns)
    return drawn


def _draw_lanes(axes: Axes, one: Stretch, longest: float, inches_per_second: float) -> None:
    for lane, events in ((1.0, one.true), (0.0, one.predicted)):
        axes.barh(
            [lane] * len(events), [event.end - event.begin for event in events], left=[event.begin for event in events],
            height=0.86, color=[_colour(event.number) for event in events], linewidth=0,
        )  # fmt: skip
        for event in events:
            if (event.end - event.begin) * inches_per_second >= _ROOM_INCHES:
                middle = (event.begin + event.end) / 2
                axes.text(
                    middle, lane, str(event.number + 1), size=7, color="#ffffff", ha="center", va="center_baseline"
                )
    axes.set_xlim(one.begin, one.begin + longest)
    axes.set_ylim(-0.55, 1.55)
    set_ticks(axes, y=[Tick(1, "true"), Tick(0, "predicted")])
    axes.xaxis.set_major_locator(MultipleLocator(next(step for step in _TICK_SECONDS if longest / step <= _MOST_TICKS)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: f"{int(seconds) // 60}:{int(seconds) % 60:02}"))
    gridded(axes, "x")


def _colour(index: int) -> str:
    return CLASS_COLOURS[index] if index < len(CLASS_COLOURS) else LIGHT.pruned


def timeline_section(info: TimelineInfo, context: StudyContext) -> Section:
    """The same for the page."""
    return section("timeline", info.words, heading="Timeline", **on_page(draw_timeline, info, context))
