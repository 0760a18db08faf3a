"""How the network does on whole streams, where the data came as streams."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from data.streams.null_class import null_class

from ..evaluation.decision_rule import rule_in
from .facts import Facts
from .figures.sections import Section, Table
from .figures.timeline import TimelineInfo, timeline_info
from .figures.words import percent


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
        f"events are found (event F1 {percent(events['f1'])}, precision {percent(events['precision'])}, recall "
        f"{percent(events['recall'])}){'' if late is None else f', known {late:.2g} s after they begin (median)'}, "
        f"with {events['false_alarms_per_hour']:.3g} false alarms an hour."
    )
    if events.get("windows_cut_at_changes"):
        yield (
            "That is too good: windows were cut where the label changes, which nobody knows of a stream that is being "
            "measured (data.window_label majority cuts them anywhere)."
        )


def rule_sentences(facts: Facts) -> Iterator[str]:
    """How windows become decisions, what chose that, and whether it kept to the false alarms that were allowed."""
    rule = rule_in(facts.answers)
    if rule is None:
        return
    rate = (facts.attributes.get("data") or {}).get("sample_rate_hz")
    every = f"{rule.hop} steps" if not rate else f"{rule.hop / rate:.2g} s"
    yield (
        f"There is a decision every {every}, {rule.in_words(facts.class_names)}. Validation chose that, and "
        "./run_tuning.sh predict and serve decide by it."
    )
    allowed = facts.settings.search.false_alarms_per_hour
    on_validation = (facts.judged.get("validation") or {}).get("events") or {}
    if facts.part == "validation" or on_validation.get("false_alarms_per_hour") is None:
        return
    asked = "" if allowed is None else f" Allowed were {allowed:g}."
    if allowed is not None and on_validation["false_alarms_per_hour"] > allowed:
        asked += " Nothing that was tried keeps to that."
    yield (
        f"On the validation set, which chose, that is {on_validation['false_alarms_per_hour']:.3g} false alarms an "
        f"hour, a recall of {percent(on_validation['recall'])} and an event F1 of {percent(on_validation['f1'])}."
        f"{asked}"
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
            *(percent(row[name]) for name in ("precision", "recall", "f1")),
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
            "event by one prediction at most, and each prediction finds one.",
            *rule_sentences(facts),
        ),
        tables=(Table("Events of each class", head, rows, True),),
        heading="Streams",
    )


def timeline_of(facts: Facts) -> TimelineInfo | None:
    """What happened and what was predicted, of a few people; None where the data is no streams."""
    stored = facts.attributes.get("examples")
    if not isinstance(stored, Mapping) or facts.best is None or stored.get("trial") != facts.best.number:
        return None
    return timeline_info(stored.get("streams"), facts.class_names, str(stored.get("part")))


def _spoken_hours(hours: float) -> str:
    return f"{hours:.1f} hours" if hours >= 2 else f"{60 * hours:.0f} minutes"
