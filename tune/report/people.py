"""How it does on each person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..evaluation.evaluate import wilson_interval
from .facts import Facts
from .figures.rows import Row, Rows, draw_rows
from .figures.sections import Section, Table, not_drawn, on_page, section
from .figures.words import Words, counted, interval, percent, shortened
from .sentences import new_people_in_test

MOST_PEOPLE = 40
_TITLE = "How it does on each person"


class Person(NamedTuple):
    """One person, and the share of correct predictions, 0..1."""

    name: str
    accuracy: float
    n_sequences: int


def read_people(stored: Any) -> list[Person]:
    """People from the worst to the best, as they are stored; none where they are not known."""
    try:
        read = [
            Person(shortened(str(name), 24), float(one["accuracy"]), int(one["n_sequences"]))
            for name, one in stored.items()
        ]
    except (AttributeError, KeyError, TypeError, ValueError):
        return []
    is_sound = all(0 <= one.accuracy <= 1 and one.n_sequences > 0 for one in read)
    return sorted(read, key=lambda person: (person.accuracy, person.name)) if is_sound else []


def people_words(people: Sequence[Person], *, are_new: bool) -> Words:
    """How far apart people are.

    Args:
        people: From the worst to the best; at least one.
        are_new: Whether nobody of them was trained on.
    """
    who = "never trained on" if are_new else "who were trained on as well"
    worst, best = people[0], people[-1]
    if len(people) == 1:
        summary = (
            f"Only one person is in the test set, {worst.name}, {who}: {percent(worst.accuracy)} of "
            f"{counted(worst.n_sequences, 'sequence')}. Another person may differ from that by more than the interval."
        )
    else:
        summary = (
            f"{len(people)} people {who}: from {percent(worst.accuracy)} ({worst.name}) to {percent(best.accuracy)} "
            f"({best.name})."
        )
    notes = ["Lines are 95% intervals over each person's own sequences: where they overlap, the order may be chance."]
    if len(people) > MOST_PEOPLE:
        notes.append(f"Shown are the {MOST_PEOPLE} with the lowest accuracy of {len(people)}.")
    return Words(_TITLE, summary, tuple(notes))


def people_section(facts: Facts) -> Section:
    """A row a person of the judged part."""
    people = read_people(facts.answers.get("per_person"))
    if not people:
        return not_drawn("people", _TITLE, "it is not known who performed the sequences")
    words = people_words(people, are_new=facts.part == "validation" or new_people_in_test(dict(facts.split)))
    shown = people[:MOST_PEOPLE]
    dots = tuple(Row(one.name, one.accuracy, *wilson_interval(one.accuracy, one.n_sequences)) for one in shown)
    rows = tuple(
        (one.name, percent(one.accuracy), interval(dot.low, dot.high), str(one.n_sequences))
        for one, dot in zip(shown, dots, strict=True)
    )
    table = Table("Each person", ("person", "accuracy", "95% interval", "sequences"), rows)
    drawn = Rows(dots, words, f"{facts.part} accuracy", is_share=True)
    figures = on_page(draw_rows, drawn, facts.context) if len(dots) > 1 else {}
    return section("people", words, tables=(table,), heading="People", **figures)
