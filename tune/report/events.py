"""How the network does on whole streams, where the data came as streams."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from data.streams.null_class import null_class

from .facts import Facts
from .figures.sections import Section, Table
from .words import percent


def null_words(facts: Facts) -> tuple[str, float, float] | None:
    """The null class, its share of the judged sequences, and the accuracy on the others; None without one."""
    null = null_class(facts.class_names)
    rows = facts.answers.get("per_class") or []
    if null is None or len(rows) != len(facts.class_names):
        return None
    n_all = sum(row["support"] for row in rows)
    others = [row for k, row in enumerate(rows) if k != null and row["support"]]
    n_others = sum(row["support"] for row in others)
    if not n_others or n_all == n_others:
        return None
    right = sum(row["recall"] * row["support"] for row in others) / n_others
    return facts.class_names[null], 1 - n_others / n_all, right


def event_sentences(events: Mapping[str, Any]) -> Iterator[str]:
    """What became of the events, in sentences."""
    if events.get("f1") is None:
        return
    late = events.get("delay_seconds")
    yield (
        f"Judged as streams, over {_spoken_hours(events['hours'])}: {events['n_found']:,} of {events['n_true']:,} "
        f"events are found (event F1 {percent(events['f1'])}, precision {_share(events['precision'])}, recall "
        f"{_share(events['recall'])}){'' if late is None else f', known {late:.2g} s after they begin (median)'}, with "
        f"{events['false_alarms_per_hour']:.3g} false alarms an hour."
    )
    if events.get("windows_cut_at_changes"):
        yield (
            "That is too good: windows were cut where the label changes, which nobody knows of a stream that is being "
            "measured (data.window_label majority cuts them anywhere)."
        )


def events_section(facts: Facts) -> Section | None:
    """Events class by class; None where the data is no streams."""
    events = facts.answers.get("events")
    if not events or events.get("f1") is None:
        return None
    head = ("class", "events", "found", "missed", "split", "merged", "false alarms", "precision", "recall", "F1")
    rows = tuple(
        (
            str(row["class"]),
            *(f"{row[name]:,}" for name in ("n_true", "n_found", "n_missed", "n_split", "n_merged", "n_false")),
            *(_share(row[name]) for name in ("precision", "recall", "f1")),
        )
        for row in [*events["per_class"], {**events, "class": "all"}]
    )
    first, *more = event_sentences(events)
    return Section(
        "events",
        "How it does on whole streams",
        first,
        (
            *more,
            "An event is an unbroken stretch of one class other than the null class. Missed: nothing predicted of its "
            "class overlaps it. Split: several predictions do. Merged: one that does overlaps another event too. False "
            "alarm: a prediction that overlaps no event of its class (Ward, Lukowicz and Gellersen 2011). Found: each "
            "event by one prediction at most, and each prediction finds one. Three windows decide together, as in "
            "./run_tuning.sh predict -.",
        ),
        tables=(Table("Events of each class", head, rows, True),),
        heading="Streams",
    )


def _share(value: float | None) -> str:
    return "–" if value is None else percent(value)


def _spoken_hours(hours: float) -> str:
    return f"{hours:.1f} hours" if hours >= 2 else f"{60 * hours:.0f} minutes"
