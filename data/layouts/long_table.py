"""One long table: a row a step, with columns that name the sequence, its class and, if known, person and time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..formats.columns import LABEL_NAMES, PERSON_NAMES, SEQUENCE_NAMES, Roles, Table, find_roles, open_table
from ..formats.measured import Rounded, without_counters
from ..recording import FILE_EACH, MAX_VALUES, Layout, Recording
from ..spool import Column, kept, most
from .contents import text_notes
from .people import people_in_names
from .pieces import Pieces
from .time_axis import Clock


@dataclass
class Owners:
    """Sequences in the order in which they appear; one is known by its person and its name.

    Attributes:
        numbers: Number of each (person, name).
        labels: Class of each sequence.
        first_rows: Row that each began with.
    """

    numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)
    first_rows: list[int] = field(default_factory=list)

    def of_rows(
        self, names: Iterable[str], labels: Iterable[str], people: Iterable[str], place: str, first_row: int
    ) -> list[int]:
        """The number of the sequence that each row belongs to.

        Raises:
            DataError: If a row does not say, or says another class than an earlier row of its sequence.
        """
        owners = []
        for row, (name, label, person) in enumerate(zip(names, labels, people, strict=True), start=first_row):
            number = self.numbers.setdefault((person, name), len(self.labels))
            if number == len(self.labels):
                if not name or not label:
                    what = "sequence" if not name else "label"
                    raise DataError(f"{place}, row {row} names no {what}: fill it in, or take the row out")
                self.labels.append(label)
                self.first_rows.append(row)
            elif not label:
                raise DataError(f"{place}, row {row} names no label: fill it in, or take the row out")
            elif self.labels[number] != label:
                raise DataError(
                    f"{place}, row {row}: sequence {name!r} is {label!r} here and {self.labels[number]!r} in row "
                    f"{self.first_rows[number]}: a sequence has one label, and a name of its own in all classes"
                )
            owners.append(number)
        return owners


def read_long_table(
    path: Path, name: str, beside: Mapping[str, tuple[str, str]] | None = None
) -> tuple[Layout, list[Recording]]:
    """Reads all sequences of a table; the rows of one need not lie together, but must be in order.

    Args:
        path: The table.
        name: Of the data set.
        beside: The class and the person of each sequence, where another file tells them; the person may be empty.

    Raises:
        DataError: If the columns cannot be told apart, or a row cannot be used; the message names file and row.
    """
    place = str(path)
    table = open_table(path, place)
    roles = _roles(table) if beside is None else find_roles(table.columns, place)
    owners = Owners()
    clock = Clock(None if roles.time is None else table.columns[roles.time])
    rounded = Rounded()
    values, times, owner_of_row, rows = _read_rows(table, roles, owners, clock, rounded, beside)
    order = np.argsort(owner_of_row, kind="stable")
    starts = np.searchsorted(owner_of_row[order], np.arange(len(owners.labels) + 1))
    told = roles.person is not None or any(person for person, _ in owners.numbers)
    named = None if told else people_in_names([sequence for _, sequence in owners.numbers])
    pieces = Pieces(clock)
    recordings: list[Recording] = []
    for (person, sequence), number in owners.numbers.items():
        mine = order[starts[number] : starts[number + 1]]
        if named is not None and named[0] is not None:
            person = named[0][number]
        whole = Recording(f"{place}, sequence {sequence!r}", owners.labels[number], kept(values[mine]), person or None)
        recordings += pieces.of(whole, None if times is None else times[mine], rows[mine])
    channels = tuple(table.columns[k] for k in roles.channels)
    chosen, about_counters = without_counters([(one.place, one.values) for one in recordings], channels, rounded)
    recordings = [replace(one, values=kept(one.values[:, chosen])) for one in recordings]
    notes = [f"{place} is read as one long table: {_spoken(table, roles)}", *(named[1] if named else [])]
    steps = [one.step_seconds for one in recordings if one.step_seconds]
    notes += [*text_notes([table]), *pieces.notes(clock.unit_seconds(steps)), *about_counters]
    if roles.left_out:
        names = ", ".join(repr(table.columns[k] or "row number") for k in roles.left_out)
        notes.append(f"left out, since by their names they are no measurements: {names}")
    return Layout(name, place, tuple(channels[k] for k in chosen), tuple(notes)), clock.measured(recordings)


def _read_rows(
    table: Table,
    roles: Roles,
    owners: Owners,
    clock: Clock,
    rounded: Rounded,
    beside: Mapping[str, tuple[str, str]] | None,
) -> tuple[NDArray[np.float32], NDArray[np.float64] | None, NDArray[np.int64], NDArray[np.int64]]:
    """Channels and time of every row, the sequence that it belongs to, and where in the file it stands."""
    sequence, label = roles.sequence or 0, roles.label or 0
    values, times, numbers, rows = Column(), Column(), Column(), Column()
    n_values = 0
    for chunk in table.chunks():
        names = chunk.texts(sequence)
        people = chunk.texts(roles.person) if roles.person is not None else [""] * len(names)
        labels = chunk.texts(label) if beside is None else [beside.get(name, ("", ""))[0] for name in names]
        if beside is not None and roles.person is None:
            people = [beside.get(name, ("", ""))[1] for name in names]
        numbers.add(np.array(owners.of_rows(names, labels, people, table.place, chunk.first_row)))
        measured = np.stack([chunk.numbers(k) for k in roles.channels], axis=1)
        rounded.look_at(measured)
        values.add(measured.astype(np.float32))
        rows.add(np.arange(chunk.first_row, chunk.first_row + len(measured)))
        if roles.time is not None:
            times.add(clock.read(chunk, roles.time))
        n_values += measured.size
        if n_values > most(MAX_VALUES):
            raise DataError(
                f"{table.place} holds more than {most(MAX_VALUES):,} values: take fewer rows, or {FILE_EACH}"
            )
    stamps = None if roles.time is None else times.whole()
    return values.whole(), stamps, numbers.whole(), rows.whole()


def _roles(table: Table) -> Roles:
    wanted = (
        f"call the columns {SEQUENCE_NAMES[0]!r} and {LABEL_NAMES[0]!r} and, if they are known, {PERSON_NAMES[0]!r} "
        "and 'time'; every other column is a channel"
    )
    if not table.has_header:
        raise DataError(f"{table.place} has no header that names its columns: {wanted}")
    roles = find_roles(table.columns, table.place)
    missing = [what for what, found in (("sequence", roles.sequence), ("label", roles.label)) if found is None]
    if missing:
        raise DataError(
            f"{table.place}: no column is the {' and none the '.join(missing)} among "
            f"{', '.join(map(repr, table.columns))}: {wanted}"
        )
    return roles


def _spoken(table: Table, roles: Roles) -> str:
    named = {"sequence": roles.sequence, "label": roles.label, "person": roles.person, "time": roles.time}
    return ", ".join(f"{what} is {table.columns[k]!r}" for what, k in named.items() if k is not None)
