"""How well each person's sequences are classified."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .words import Words, counted, shortened

MOST_PEOPLE = 40


class Person(NamedTuple):
    """One person.

    Attributes:
        name: As in the recordings.
        accuracy: Share of right answers, 0..1.
        n_sequences: Judged.
        low: Lower end of the 95% interval over this person's sequences.
        high: Upper end.
    """

    name: str
    accuracy: float
    n_sequences: int
    low: float
    high: float


class PeopleInfo(NamedTuple):
    """People from the worst to the best; of very many the worst.

    Attributes:
        people: One a person.
        words: What to write around the figure.
    """

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
            f"Only one person is in the test part, {worst.name}, {who}: {_share(worst.accuracy)} of "
            f"{counted(worst.n_sequences, 'sequence')}. Another person may differ from that by more than the interval."
        )
    else:
        summary = (
            f"{len(ordered)} people {who}: from {_share(worst.accuracy)} ({worst.name}) to {_share(best.accuracy)} "
            f"({best.name})."
        )
    notes = ["Lines are 95% intervals over each person's own sequences: where they overlap, the order may be chance."]
    if len(ordered) > MOST_PEOPLE:
        notes.append(f"Shown are the {MOST_PEOPLE} with the lowest accuracy of {len(ordered)}.")
    shown = tuple(person._replace(name=shortened(person.name, 24)) for person in ordered[:MOST_PEOPLE])
    return PeopleInfo(shown, Words("How it does on each person", summary, tuple(notes)))


def _share(accuracy: float) -> str:
    return f"{accuracy:.1%}"
